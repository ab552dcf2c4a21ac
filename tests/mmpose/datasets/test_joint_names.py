import pytest

from mmpose.datasets import parse_pose_metainfo
from mmpose.datasets.joint_names import match_joints


def names_of(skeleton):
    return list(parse_pose_metainfo({"from_file": f"{skeleton}.py"})["keypoint_name2id"])


COCO = names_of("coco")
CROWDPOSE = [name.replace("top_head", "head") for name in names_of("crowdpose")]  # its own file
AIC = ["Right Shoulder", "Right Elbow", "Right Wrist", "Left Shoulder", "Left Elbow", "Left Wrist"]
AIC += ["Right Hip", "Right Knee", "Right Ankle", "Left Hip", "Left Knee", "Left Ankle"]
AIC += ["Head top", "Neck"]


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(str, id="as they are"),
        pytest.param(lambda name: name.replace("_", " ").title(), id="Left Eye"),
        pytest.param(lambda name: "".join(w.title() for w in name.split("_")), id="LeftEye"),
        pytest.param(lambda name: "_".join(reversed(name.split("_"))), id="eye_left"),
        pytest.param(lambda name: name.replace("left_", "l").replace("right_", "r"), id="leye"),
        pytest.param(lambda name: name.replace("left_", "L-").replace("right_", "R-"), id="L-eye"),
        pytest.param(lambda name: name.upper(), id="LEFT_EYE"),
    ],
)
def test_names_in_any_spelling_and_order(spell):
    assert match_joints([spell(name) for name in COCO], COCO, "a file") == list(range(17))
    backwards = [spell(name) for name in reversed(COCO)]
    assert match_joints(backwards, COCO, "a file") == list(range(16, -1, -1))


def test_the_files_of_other_data_sets():
    assert match_joints(AIC, names_of("aic"), "a file") == list(range(14))
    assert match_joints(CROWDPOSE, names_of("crowdpose"), "a file") == list(range(14))
    # the same joints in two orders: left_shoulder is AIC's fourth
    assert match_joints(AIC, names_of("crowdpose"), "a file")[:4] == [3, 0, 4, 1]


def test_a_file_that_ends_where_the_skeleton_goes_on():
    """COCO-WholeBody lists the 17 body joints of its 133."""
    assert match_joints(COCO, names_of("coco_wholebody"), "a file") == list(range(17))


def test_names_that_say_nothing_leave_the_order():
    assert match_joints([], COCO, "a file") is None
    assert match_joints([str(n) for n in range(17)], COCO, "a file") is None


@pytest.mark.parametrize(
    ("names", "skeleton", "message"),
    [
        pytest.param(AIC, COCO, r"a file has 14 joints, .* 17 it lacks \['nose'", id="14 of 17"),
        pytest.param(COCO, CROWDPOSE, r"lacks \['head', 'neck'\]", id="17 without a neck"),
        pytest.param(["nose", *COCO], COCO, r"names a joint twice: \['nose'\]", id="twice"),
        pytest.param(COCO[1:], COCO, r"lacks \['nose'\]", id="no nose"),
    ],
)
def test_joints_of_another_skeleton_are_refused(names, skeleton, message):
    with pytest.raises(ValueError, match=message):
        match_joints(names, skeleton, "a file")
