"""What goes into ONNX files gives the numbers of the product; without packages of ONNX."""

import pytest
import torch

from bmp.detectors.rtmdet import RTMDetDetector
from bmp.export import writing
from bmp.export.detector import plan_detector
from bmp.export.pose import PoseNetwork, plan_pose
from bmp.export.segmenter import DecoderNetwork, plan_decoder, plan_encoder
from bmp.export.writing import write_onnx
from bmp.locations import find_checkpoint, find_config
from bmp.segmenters.batched_decoding import decode_together
from bmp.segmenters.embeddings import Embeddings
from bmp.segmenters.sam2_model import build_sam2
from mmpose.apis import init_model
from tests.bmp.tiny_sam import TINY


@pytest.fixture(scope="module")
def pose_model():
    config = find_config("maskpose_lite0_synthcrowd-128x96")
    return init_model(str(config), str(find_checkpoint("maskpose_lite0_demo.safetensors")))


@pytest.mark.parametrize("click_sigma", [None, 8.0])
def test_decoder_of_people_with_different_prompts(click_sigma):
    torch.manual_seed(0)
    sam = build_sam2(**TINY, click_sigma=click_sigma).eval().requires_grad_(False)
    inputs = plan_decoder(sam).make_inputs(4)
    inputs["point_labels"][3] = -1  # and no mask: nothing is shown
    maps = [inputs[name] for name in ("coarse", "fine", "middle")]
    logits, scores = decode_together(
        sam,
        Embeddings(*maps, ((64, 64),)),
        [4],
        inputs["point_coords"],
        inputs["point_labels"],
        mask_logits=inputs["mask_logits"],
        uses_mask=inputs["uses_mask"],
    )
    found, found_scores = DecoderNetwork(sam)(*inputs.values())
    torch.testing.assert_close(found, logits, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(found_scores, scores, atol=1e-5, rtol=1e-5)
    assert not found[3].any()


def test_encoder_names_what_it_gives():
    sam = build_sam2(**TINY).eval().requires_grad_(False)
    plan = plan_encoder(sam)
    shapes = [tuple(m.shape) for m in plan.network(*plan.make_inputs(2).values())]
    assert dict(zip(plan.outputs, shapes, strict=True)) == {
        "coarse": (2, 32, 4, 4),
        "fine": (2, 4, 16, 16),
        "middle": (2, 8, 8, 8),
    }


@torch.no_grad()
def test_whole_detector_finds_the_products_people():
    config = find_config("rtmdet-ins_lite0_coco-cc-320x320", ("demo",))
    weights = find_checkpoint("rtmdet-ins_lite0_demo.safetensors")
    detector = RTMDetDetector(config, weights)
    plan = plan_detector(detector)
    images = plan.make_inputs(3)["images"]
    bboxes, scores, masks = plan.network(images)
    (people,) = detector.detect([images[0].permute(1, 2, 0).byte().numpy()])
    assert len(people) > 1
    torch.testing.assert_close(bboxes, people.bboxes)
    torch.testing.assert_close(scores, people.bbox_scores)
    different = (masks > 0.5) != people.masks
    assert different.float().mean() < 1e-5  # logits of 0 but for rounding


@torch.no_grad()
def test_swapped_channels_give_the_same_joints(pose_model):
    plan = plan_pose(pose_model)
    crops = plan.make_inputs(2)["crops"]
    norm = pose_model.data_preprocessor
    levels = crops * norm.std + norm.mean
    bgr = (levels.flip(1) - norm.mean) / norm.std  # what rtmlib does with a BGR crop
    for got, wanted in zip(PoseNetwork(pose_model, "bgr")(bgr), plan.network(crops), strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-3, rtol=1e-3)


def test_crops_whose_edges_lie_on_the_window_are_resampled(pose_model, monkeypatch):
    seen = []
    network = PoseNetwork(pose_model, window="edges")
    monkeypatch.setattr(pose_model, "extract_feat", lambda crops: seen.append(crops) or 1 / 0)
    ramp = torch.arange(96.0).expand(1, 3, 128, 96)
    with pytest.raises(ZeroDivisionError):
        network(ramp)
    # pixel u of 96 shows what lay at u 96 / 95; the last one beyond the last centre is repeated
    wanted = (torch.arange(96) * 96 / 95).clamp(max=95)
    torch.testing.assert_close(seen[0][0, 0, 5], wanted)


@pytest.mark.parametrize("wrong", [{"channels": "gbr"}, {"window": "middle"}])
def test_unknown_options_are_refused(pose_model, wrong):
    with pytest.raises(ValueError, match="must be one of"):
        plan_pose(pose_model, **wrong)


def test_other_endings_are_refused(pose_model, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.onnx"):
        write_onnx(plan_pose(pose_model), tmp_path / "pose.pt")


def test_weights_that_one_file_cannot_hold_are_refused_first(pose_model, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "LARGEST", 1000)
    with pytest.raises(ValueError, match="holds 2 GiB"):
        write_onnx(plan_pose(pose_model), tmp_path / "pose.onnx")
