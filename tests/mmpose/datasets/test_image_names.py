"""OCHuman-Pose counts OCHuman's images anew: the two are matched by file name."""

import pytest

from mmpose.datasets.image_names import ids_by_name, match_by_name, rename_images

OWN = [{"id": 1, "file_name": "000817.jpg"}, {"id": 2, "file_name": "003799.jpg"}]


def test_images_are_matched_by_the_last_part_of_their_names():
    others = [
        {"id": 817, "file_name": "images/000817.jpg"},
        {"id": 3799, "file_name": "images\\003799.jpg"},
        {"id": 9, "file_name": "other.jpg"},
    ]
    assert match_by_name(OWN, others, "own", "others") == {817: 1, 3799: 2}


def test_files_of_other_images_are_refused_with_both_names():
    others = [{"id": 1, "file_name": "a.jpg"}]
    with pytest.raises(
        ValueError, match=r"own and others share no image: .*000817\.jpg and a\.jpg"
    ):
        match_by_name(OWN, others, "own", "others")


def test_two_images_of_one_name_are_refused():
    images = [{"id": 1, "file_name": "a/1.jpg"}, {"id": 2, "file_name": "b/1.jpg"}]
    with pytest.raises(ValueError, match=r"two images of own are called 1\.jpg, 1 and 2"):
        ids_by_name(images, "own")


def test_an_image_without_a_name_is_refused():
    with pytest.raises(ValueError, match="an image of own lacks"):
        ids_by_name([{"id": 1}], "own")


def test_records_get_the_new_ids_and_those_of_other_images_go():
    records = [{"image_id": 817, "score": 0.5}, {"image_id": "3799"}, {"image_id": 4}]
    renamed = rename_images(records, {817: 1, 3799: 2})
    assert renamed == [{"image_id": 1, "score": 0.5}, {"image_id": 2}]
    assert records[0]["image_id"] == 817
    assert rename_images([], {817: 1}) == []
