"""What an annotation file cannot mean is refused by name."""

import pytest

from mmpose.datasets.coco_file import complete_annotations
from tests.mmpose.datasets.ordinary_people import NAMES, said_otherwise, sizes, update, without
from tests.mmpose.datasets.tiny_people import HEIGHT, WIDTH

REFUSED = {
    "box of three numbers": (update(bbox=[1, 2, 3]), "annotation 1 .* bbox must be four finite"),
    "box not finite": (update(bbox=[1, 2, float("inf"), 3]), "bbox must be four finite"),
    "box of words": (update(bbox=["a"] * 4), "bbox must be numbers"),
    "joint that is labelled and nowhere": (
        update(keypoints=[float("nan"), 5, 2] * 17),
        "labelled joint, number 0, that is not finite",
    ),
    "scores in place of flags": (update(keypoints=[5, 5, 0.9] * 17), "flag 0.9.*a result file"),
    "flags of 4": (update(keypoints=[5, 5, 4] * 17), "flag 4"),
    "joints without flags": (update(keypoints=[5, 5] * 17), "has 34 numbers, expected 51"),
    "paddings of another skeleton": (
        update(pad_to_contain=[1.0] * 14),
        "pad_to_contain must have one number for each of 17 joints, got 14",
    ),
    "ignored by words": (update(ignore="maybe"), "ignore must be 0 or 1, got 'maybe'"),
    "joints of unequal length": (
        update(keypoints=[[5, 5, 2], [5, 5]]),
        "annotation 1 .* keypoints must be numbers",
    ),
    "box of unequal parts": (update(bbox=[[1, 2], 3, 4]), "annotation 1 .* bbox must be numbers"),
    "joints by name": (update(keypoints={"nose": [1, 2, 2]}), "got a dict"),
    "area of words": (update(area="large"), "area must be a number, got 'large'"),
    "crowd of words": (update(iscrowd="maybe"), "iscrowd must be 0 or 1, got 'maybe'"),
    "half a corner": (update(segmentation=[[1, 2, 3, 4, 5, 6, 7]]), "polygon has 7 numbers"),
    "corner not finite": (update(segmentation=[[1, 2, float("nan"), 4, 5, 6]]), "in no image"),
    "corner far outside": (update(segmentation=[[1, 2, 1e9, 4, 5, 6]]), "in no image"),
    "mask of half a size": (
        update(segmentation={"size": HEIGHT, "counts": [1]}),
        "annotation 1 .* size \\[h, w\\] and counts",
    ),
    "mask of a size of one number": (
        update(segmentation={"size": [HEIGHT], "counts": [1]}),
        "size \\[h, w\\] and counts",
    ),
    "polygons in one list too many": (
        update(segmentation=[[[[1, 1], [9, 1], [9, 9]], [[20, 20], [30, 20], [30, 30]]]]),
        "one list too many",
    ),
    "such polygons of several lengths": (
        update(segmentation=[[[[1, 1], [9, 1], [9, 9]], [[20, 20], [30, 20], [3, 3], [1, 2]]]]),
        "annotation 1 .* a segmentation is a list of polygons",
    ),
    "mask as text": (update(segmentation="AQ=="), "got str"),
    "mask cut off": (
        update(segmentation={"size": [HEIGHT, WIDTH], "counts": "Xa0"}),
        "cut off or damaged",
    ),
    "unlisted category": (
        update(category_id=3),
        r"4 annotations .* category 3.*lists \(1, 'person'\)",
    ),
    "unknown image": (update(image_id=99), "1 images that are not among the 2.*such as 99"),
    "no image": (without("image_id"), r"lacks \['image_id'\]"),
    "width of words": (sizes(lambda w, h: ("wide", h)), "image 4 .* width 'wide'"),
    "half a pixel": (sizes(lambda w, h: (w + 0.5, h)), "width 120.5"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        complete_annotations(said_otherwise(change), "people.json", skeleton=NAMES)
