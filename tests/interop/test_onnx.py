"""ONNX files under onnxruntime, beside torch; and a pose file in rtmlib's hands."""

import json

import numpy as np
import pytest
import torch

from bmp.detectors.rtmdet import RTMDetDetector
from bmp.export.detector import plan_detector
from bmp.export.pose import plan_pose
from bmp.export.segmenter import plan_decoder
from bmp.export.writing import differences, write_onnx
from bmp.locations import PROJECT_ROOT, find_checkpoint, find_config
from bmp.pose import TopdownPose
from bmp.segmenters.sam2_model import build_sam2
from bmp.structures import make_people
from mmpose.apis import init_model
from mmpose.inputs import read_image
from tests.bmp.tiny_sam import TINY

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.interop

PHOTOS = PROJECT_ROOT / "demos" / "photos"
ANNOTATIONS = PROJECT_ROOT / "datasets" / "coco_val2017_people_cc" / "person_keypoints.json"
SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000


def assert_near(plan, path):
    for count, by_output in differences(plan, path, (1, 3, 5)).items():
        assert max(by_output.values()) < 1e-4, (count, by_output)
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # no weights beside it


def metadata_of(path):
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


@pytest.fixture(scope="module")
def pose(tmp_path_factory):
    """The small MaskPose for rtmlib: model, plan and file."""
    config = find_config("maskpose_lite0_synthcrowd-128x96")
    model = init_model(str(config), str(find_checkpoint("maskpose_lite0_demo.safetensors")))
    plan = plan_pose(model, "bgr", "edges")
    return model, plan, write_onnx(plan, tmp_path_factory.mktemp("pose") / "pose.onnx")


def test_pose_of_any_number_of_crops(pose):
    _, plan, path = pose
    assert_near(plan, path)
    metadata = metadata_of(path)
    assert metadata["channels"] == "bgr"
    joints = json.loads(metadata["joints"])
    assert (joints[0], joints[16], len(joints)) == ("nose", "right_ankle", 17)
    assert "crops (N, 3, 128, 96) float32" in metadata["input"]


def test_decoder_of_any_number_of_people_and_points(tmp_path):
    torch.manual_seed(0)
    plan = plan_decoder(build_sam2(**TINY, click_sigma=8.0).eval().requires_grad_(False))
    path = write_onnx(plan, tmp_path / "decoder.onnx")
    assert_near(plan, path)  # of 1, 3, 5 people with 2, 4, 6 points


def test_whole_detector(tmp_path):
    config = find_config("rtmdet-ins_lite0_coco-cc-320x320", ("demo",))
    weights = find_checkpoint("rtmdet-ins_lite0_demo.safetensors")
    plan = plan_detector(RTMDetDetector(config, weights))
    path = write_onnx(plan, tmp_path / "detector.onnx")
    assert_near(plan, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    nobody = session.run(None, {"images": np.zeros((1, 3, 320, 320), np.float32)})
    assert [answer.shape for answer in nobody] == [(0, 4), (0,), (0, 320, 320)]


def oks(keypoints, person):
    """Of joints (17, 2) with an annotated person, after COCO's formula."""
    truth = np.array(person["keypoints"]).reshape(17, 3)
    d2 = ((keypoints - truth[:, :2]) ** 2).sum(1)
    return np.exp(-d2 / (2 * (2 * SIGMAS) ** 2 * person["area"]))[truth[:, 2] > 0].mean()


def test_rtmlib_poses_as_well_as_the_product(pose):
    rtmlib = pytest.importorskip("rtmlib", reason="pip install --no-deps rtmlib: it brings OpenCV")
    if not ANNOTATIONS.is_file():
        pytest.skip(f"{ANNOTATIONS} is missing")
    content = json.loads(ANNOTATIONS.read_text())
    demo = {
        i["id"]: i["file_name"] for i in content["images"] if (PHOTOS / i["file_name"]).exists()
    }
    model, _, path = pose
    product = TopdownPose(model, flip_test=False)
    theirs = rtmlib.ViTPose(str(path), model_input_size=(96, 128), backend="onnxruntime")
    scores = []
    for image_id, name in demo.items():
        people = [a for a in content["annotations"] if a["image_id"] == image_id]
        people = [a for a in people if a["num_keypoints"] > 5 and not a["iscrowd"]]
        if not people:
            continue
        boxes = np.array([a["bbox"] for a in people])
        boxes[:, 2:] += boxes[:, :2]
        image = read_image(PHOTOS / name)
        record = make_people(torch.tensor(boxes, dtype=torch.float32))
        ours = product.estimate([image], [record])[0].keypoints[..., :2].numpy()
        found, _ = theirs(image, boxes)
        scores += [(oks(k, a), oks(f, a)) for k, f, a in zip(ours, found, people, strict=True)]
    ours, found = np.mean(scores, axis=0)
    assert len(scores) > 50
    assert abs(ours - found) < 0.01
