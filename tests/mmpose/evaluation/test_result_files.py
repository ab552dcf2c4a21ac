"""What is told of a result file."""

from mmpose.evaluation.result_files import count_images


def test_images_are_counted_once_also_as_text():
    assert count_images([{"image_id": n} for n in (7, "7", 7.0, 8, "a")]) == 3
    assert count_images([]) == 0
