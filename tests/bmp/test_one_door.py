"""Every door takes and refuses the same images, boxes and masks."""

import numpy as np
import pytest
import torch

from bmp.api import BBoxMaskPose
from bmp.detectors import GivenBoxes
from bmp.pmpose import PMPose
from mmpose.apis import estimate, inference_topdown

IMAGE = np.full((90, 120, 3), 127, np.uint8)
BOX = [[10.0, 20.0, 50.0, 80.0]]


@pytest.fixture(scope="module")
def doors():
    """Doors that take an image, boxes and masks, each giving as many people as boxes."""
    pose = PMPose(variant="PMPose-demo", from_pretrained=True, device="cpu")
    loop = BBoxMaskPose(
        "bmp_demo", device="cpu", pose_model=pose, cfg_options={"loop.num_iters": 1}
    )
    model = pose.model

    def given(image, bboxes, masks):
        return GivenBoxes([bboxes], [masks]).detect([image])[0].bboxes

    def as_boxes(bboxes):
        return bboxes if torch.is_tensor(bboxes) else np.asarray(bboxes)

    return {
        "PMPose": lambda i, b, m: pose.predict(i, b, m)[0],
        "BBoxMaskPose": lambda i, b, m: loop.predict(i, b).keypoints,
        "estimate": lambda i, b, m: estimate(model, i, as_boxes(b), m)["keypoints"],
        "inference_topdown": lambda i, b, m: inference_topdown(model, i, b, masks=m),
        "GivenBoxes": given,
    }


NAMES = ("PMPose", "BBoxMaskPose", "estimate", "inference_topdown", "GivenBoxes")


@pytest.mark.parametrize("name", NAMES)
def test_what_every_door_takes(doors, name):
    door = doors[name]
    whole = np.ones((90, 120), bool)
    assert len(door(IMAGE, [], None)) == 0
    for bboxes in (BOX, np.array(BOX), torch.tensor(BOX)):
        assert len(door(IMAGE, bboxes, None)) <= 1
    for masks in (
        whole,
        whole[None],
        [whole],
        torch.from_numpy(whole),
        255 * whole.astype(np.uint8),
    ):
        door(IMAGE, BOX, masks)
    door(IMAGE, [[10.0, 20.0, 10.0, 80.0]], None)  # a line of pixels


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("bboxes", "message"),
    [
        pytest.param([[50, 20, 10, 80]], "x2 >= x1 and y2 >= y1", id="corners exchanged"),
        pytest.param([[10, 20, np.nan, 80]], "finite", id="nan"),
        pytest.param([10, 20, 50, 80], r"\(N, 4\), got shape \(4,\)", id="one box alone"),
        pytest.param([[10, 20, 50, 80, 0.9]], r"got shape \(1, 5\)", id="with a score"),
        pytest.param([["a"] * 4], "numbers, got", id="words"),
    ],
)
def test_boxes_that_every_door_refuses(doors, name, bboxes, message):
    with pytest.raises(ValueError, match=message):
        doors[name](IMAGE, bboxes, None)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "BBoxMaskPose"])
@pytest.mark.parametrize("shape", [(1, 90, 100), (2, 90, 120), (80, 120)], ids=str)
def test_masks_that_every_door_refuses(doors, name, shape):
    with pytest.raises(ValueError, match=r"masks are \(N, H, W\) = \(1, 90, 120\)"):
        doors[name](IMAGE, BOX, np.ones(shape, bool))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "GivenBoxes"])
def test_images_that_every_door_refuses(doors, name, tmp_path):
    door = doors[name]
    for image in (IMAGE[..., 0], IMAGE.astype(np.float32), IMAGE[:0]):
        with pytest.raises(ValueError, match=r"an image is \(H, W, 3\) uint8 BGR, got"):
            door(image, BOX, None)
    if name == "estimate":  # takes arrays and tensors alone
        return
    with pytest.raises(FileNotFoundError, match="cannot read image"):
        door(str(tmp_path / "none.jpg"), BOX, None)
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(ValueError, match="not an image, or cut off"):
        door(str(tmp_path / "text.jpg"), BOX, None)
