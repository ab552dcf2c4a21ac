from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from bmp.detectors import RTMDetDetector, build_detector
from bmp.detectors.letterbox import Canvas, letterbox
from bmp.detectors.rtmdet import build_mmdet_model
from bmp.structures import check_people
from mmpose.engine.config import load_config

CONFIGS = Path(__file__).parents[3] / "configs"
DEMO = CONFIGS / "demo" / "rtmdet-ins_lite0_synthcrowd-320x320.py"


def small_config(**head):
    config = load_config(DEMO)
    config.model.bbox_head.update(head)
    return config


def random_images(*shapes: tuple[int, int]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]


def spread_scores(detector: RTMDetDetector) -> RTMDetDetector:
    """Random weights that find people: scores, sizes and masks vary from cell to cell."""
    torch.manual_seed(0)
    head = detector.model.bbox_head
    layers = [head.rtm_cls, head.rtm_reg, head.rtm_kernel]
    for layer in (layer for kind in layers for layer in kind):
        torch.nn.init.normal_(layer.weight)
    with torch.no_grad():
        outputs = detector.model(torch.randn(2, 3, 128, 128), mode="tensor")[:3]
        for kind, maps, std in zip(layers, outputs, (2.0, 2.0, 0.5), strict=True):
            for layer, values in zip(kind, maps, strict=True):
                layer.weight.mul_(std / values.std())
                layer.bias.fill_(2.0 if kind is head.rtm_reg else 0.0)
    return detector


@pytest.fixture(scope="module")
def detector() -> RTMDetDetector:
    torch.manual_seed(0)
    return spread_scores(RTMDetDetector(small_config(), size=(128, 128)))


def test_images_of_different_sizes_at_once_equal_one_by_one(detector):
    images = random_images((90, 128), (200, 150), (64, 64))
    together = detector.detect(images)
    for image, people in zip(images, together, strict=True):
        check_people(people)
        assert len(people) > 0
        assert people.masks.shape[1:] == image.shape[:2]
        assert (people.bbox_scores.diff() <= 0).all()
        alone = detector.detect([image])[0]
        torch.testing.assert_close(people.bboxes, alone.bboxes, atol=1e-2, rtol=1e-4)
        assert (people.masks != alone.masks).float().mean() < 1e-3


def test_boxes_lie_in_the_image_and_overlap_little(detector):
    (people,) = detector.detect(random_images((200, 150)))
    assert people.bboxes.min() >= 0
    assert people.bboxes[:, 0::2].max() <= 150 + 1e-3
    assert people.bboxes[:, 1::2].max() <= 200 + 1e-3
    assert box_iou(people.bboxes, people.bboxes).triu(1).max() <= 0.3
    assert (people.bbox_scores > 0.3).all()


def test_decoding_equals_mmdets_predict_and_suppression(detector):
    config = small_config(type="RTMDetInsSepBNHead")
    theirs = RTMDetDetector(config, size=(128, 128))
    theirs.model.load_state_dict(detector.model.state_dict())
    images = random_images((128, 96), (200, 150))
    people = [detector.detect([image])[0] for image in images]
    for image, ours in zip(images, people, strict=True):
        boxed = letterbox(image, Canvas((128, 128), (128, 128)))
        pixels = [boxed.pixels]
        found = theirs._predict_with_mmdet(pixels, [boxed])[0]
        torch.testing.assert_close(ours.bboxes, found.bboxes, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(ours.bbox_scores, found.bbox_scores)
        assert (ours.masks != found.masks).float().mean() < 0.002  # its factors are rounded up


def test_nobody_found_is_an_empty_record(detector):
    strict = RTMDetDetector(small_config(), size=(128, 128), score_thr=1.0)
    (people,) = strict.detect(random_images((90, 128)))
    check_people(people)
    assert people.bboxes.shape == (0, 4)
    assert people.masks.shape == (0, 90, 128)
    assert strict.detect([]) == []


def test_at_most_max_people_and_the_best_of_them(detector):
    everyone = detector.detect(random_images((200, 150)))[0]
    few = spread_scores(RTMDetDetector(small_config(), size=(128, 128), max_people=2))
    few.model.load_state_dict(detector.model.state_dict())
    torch.testing.assert_close(few.detect(random_images((200, 150)))[0].bboxes, everyone.bboxes[:2])


def test_the_models_own_limit_does_not_count(detector):
    config = small_config()
    config.model.test_cfg.max_per_img = 1
    limited = RTMDetDetector(config, size=(128, 128))
    limited.model.load_state_dict(detector.model.state_dict())
    images = random_images((200, 150))
    assert len(limited.detect(images)[0]) == len(detector.detect(images)[0]) > 1


def test_only_the_wanted_class_counts():
    config = small_config(num_classes=3)
    torch.manual_seed(0)
    people = []
    reference = spread_scores(RTMDetDetector(config, size=(128, 128)))
    for label in range(3):
        one = RTMDetDetector(config, size=(128, 128), label=label)
        one.model.load_state_dict(reference.model.state_dict())
        if label == 2:
            for layer in one.model.bbox_head.rtm_cls:
                torch.nn.init.constant_(layer.weight[2:], 0.0)
                torch.nn.init.constant_(layer.bias[2:], -9.0)
        people.append(one.detect(random_images((128, 128)))[0])
    assert len(people[0]) > 0
    assert len(people[1]) > 0
    assert people[0].bboxes.shape != people[1].bboxes.shape or not torch.equal(
        people[0].bboxes, people[1].bboxes
    )
    assert len(people[2]) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1)])
def test_extreme_images_work(detector, shape):
    (people,) = detector.detect(random_images(shape))
    assert people.masks.shape[1:] == shape


def test_bad_images_are_refused(detector):
    with pytest.raises(ValueError, match="GRAY2BGR"):
        detector.detect([np.zeros((8, 8), np.uint8)])
    with pytest.raises(ValueError, match="float64"):
        detector.detect([np.zeros((8, 8, 3))])


def test_a_size_of_any_sides_is_padded_to_what_the_network_halves(detector):
    config = load_config(CONFIGS / "rtmdet" / "rtmdet-ins_tiny_8xb32-300e_coco-640x640.py")
    tiny = RTMDetDetector(config, size=(100, 70))
    assert tiny.canvas == Canvas((100, 70), (128, 96))
    (people,) = tiny.detect(random_images((30, 40)))
    assert people.masks.shape[1:] == (30, 40)


@pytest.mark.parametrize("wrong", [{"label": 1}, {"label": -1}, {"batch_size": 0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        RTMDetDetector(small_config(), **wrong)


def test_the_number_of_classes_follows_the_file(tmp_path):
    model = build_mmdet_model(small_config(num_classes=5).model)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, tmp_path / "five.pth")
    loaded = build_mmdet_model(small_config().model, tmp_path / "five.pth")
    assert loaded.bbox_head.num_classes == 5
    torch.testing.assert_close(
        loaded.bbox_head.rtm_cls[0].weight, model.bbox_head.rtm_cls[0].weight
    )


def test_weights_of_another_model_are_refused_with_the_difference(tmp_path):
    torch.save({"state_dict": {"backbone.stem": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"backbone\.stem"):
        build_mmdet_model(small_config().model, tmp_path / "other.pth")


def test_build_detector_names_unknown_keys_and_configs(tmp_path):
    built = build_detector({"config": str(DEMO), "score_thr": 0.4, "size": (64, 64)})
    assert built.score_thr == 0.4
    with pytest.raises(ValueError, match="score_threshold"):
        build_detector({"config": str(DEMO), "score_threshold": 0.4})
    with pytest.raises(ValueError, match="unknown detector 'YOLO'"):
        build_detector({"type": "YOLO", "config": str(DEMO)})
    with pytest.raises(FileNotFoundError, match="rtmdet-ins_xl"):
        build_detector({"config": "rtmdet-ins_xl"})
