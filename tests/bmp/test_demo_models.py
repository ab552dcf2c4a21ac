"""The loop on the real small networks: with random weights the parts fit, with ours they find."""

import numpy as np
import pytest
import torch

from bmp.api import BBoxMaskPose
from bmp.locations import PROJECT_ROOT
from bmp.loop.model import BBoxMaskPoseModel
from mmpose.structures.bbox import bbox_overlaps

RNG = np.random.default_rng(0)
IMAGES = [RNG.integers(0, 256, (90, 120, 3), dtype=np.uint8) for _ in range(2)]
PHOTO = PROJECT_ROOT / "demos" / "photos" / "000000001000.jpg"
RANDOM_WEIGHTS = {f"{part}.checkpoint": None for part in ("detector", "pose_model", "segmenter")}


@pytest.fixture(scope="module")
def estimator():
    torch.manual_seed(0)
    few = {"detector.score_thr": 0.0, "detector.max_people": 3}
    return BBoxMaskPose("bmp_demo", "cpu", cfg_options=RANDOM_WEIGHTS | few)


def test_a_list_of_images(estimator):
    results = estimator.predict(IMAGES)
    for result in results:
        assert 1 <= len(result) <= 6
        assert result.masks.shape == (len(result), 90, 120)
        assert result.masks.sum(0).max() <= 1
        assert result.keypoints.shape == (len(result), 17, 3)
        assert len(result.turns) == 2


def test_given_boxes_and_heatmaps(estimator):
    result = estimator.predict(IMAGES[0], bboxes=[[10, 10, 60, 80]], return_probmaps=True)
    assert result.heatmaps.shape == (len(result), 17, 64, 48)
    assert len(result) >= 1


def test_the_model_of_mmengine_gives_the_same_people(estimator):
    config = estimator.config.model
    parts = {key: config[key] for key in ("detector", "pose_model", "segmenter", "loop")}
    model = BBoxMaskPoseModel(**parts, device="cpu")
    model.parts = estimator.parts  # the same random weights
    samples = model.test_step(
        {"image": [IMAGES[0], None], "img_id": [7, 8], "error": [None, "cannot read image x"]}
    )
    assert [sample["img_id"] for sample in samples] == [7, 8]
    expected = estimator.predict(IMAGES[0])
    torch.testing.assert_close(
        samples[0]["turns"][-1].bboxes, torch.from_numpy(expected.bboxes), atol=1e-3, rtol=0
    )
    assert samples[1] == {
        "img_id": 8,
        "turns": [],
        "error": "cannot read image x",
        "seconds": [],
    }
    with pytest.raises(ValueError, match="train its parts with their own configs"):
        model(image=[], img_id=[], error=[], mode="loss")
    # of the three networks; the loop itself has none
    detector, pose, segmenter = (
        sum(parameter.numel() for parameter in network.parameters())
        for network in (
            model.parts.detector.model,
            model.parts.pose_model.model,
            model.parts.segmenter.sam,
        )
    )
    assert model.facts() == {"num_parameters": detector + pose + segmenter}


def test_missing_weights_name_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("BMP_MODELS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no_such\.safetensors"):
        BBoxMaskPose("bmp_demo", "cpu", cfg_options={"detector.checkpoint": "no_such.safetensors"})


def test_the_shipped_weights_find_an_annotated_player():
    """COCO's annotation of a photo: a girl in the front row, 271 px high, nose at (475, 257)."""
    result = BBoxMaskPose("bmp_demo", "cpu").predict(PHOTO)
    annotated = torch.tensor([[410.0, 209.0, 525.0, 480.0]])
    ious = bbox_overlaps(annotated, torch.from_numpy(result.bboxes))[0]
    assert ious.max() > 0.5
    nose = result.keypoints[ious.argmax(), 0, :2]
    assert np.linalg.norm(nose - (475, 257)) < 30
