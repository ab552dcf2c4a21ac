"""RF-DETR-Seg in the loop, of transformers and of Roboflow's own package, with random weights."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from bmp.detectors import (
    RFDETRDetector,
    TorchvisionDetector,
    TransformersDetector,
    build_detector,
)
from bmp.loop import LoopSettings, run_loop
from tests.bmp.loop_parts import RectanglePose, RectangleSegmenter

pytestmark = pytest.mark.interop

IMAGE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
OTHER = np.random.default_rng(1).integers(0, 256, (60, 50, 3), dtype=np.uint8)
RGB = [np.ascontiguousarray(image[..., ::-1]) for image in (IMAGE, OTHER)]
EVERYBODY = {"score_thr": 0.0, "nms_iou_thr": 1.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    backbone = {
        "model_type": "rf_detr_dinov2",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 128,
        "patch_size": 16,
        "num_windows": 2,
        "out_features": ["stage1", "stage2"],
    }
    config = transformers.RfDetrConfig(
        backbone_config=backbone,
        d_model=32,
        decoder_ffn_dim=32,
        decoder_layers=1,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        num_queries=12,
        c2f_num_blocks=1,
        intermediate_size=32,
        id2label={0: "dog", 1: "person"},
        label2id={"dog": 0, "person": 1},
    )
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("rf-detr-seg")
    transformers.RfDetrForInstanceSegmentation(config).save_pretrained(path)
    size = {"height": 128, "width": 128}
    transformers.RfDetrImageProcessor(size=size).save_pretrained(path)
    return path


def test_a_folder_with_masks_gives_those_of_transformers(folder):
    import transformers

    detector = TransformersDetector(str(folder), **EVERYBODY)
    found = detector.detect([IMAGE, OTHER])
    model = transformers.RfDetrForInstanceSegmentation.from_pretrained(folder).eval()
    processor = transformers.RfDetrImageProcessor.from_pretrained(folder)
    with torch.no_grad():
        outputs = model(**processor(images=RGB, return_tensors="pt"))
    sizes = [image.shape[:2] for image in RGB]
    expected = processor.post_process_instance_segmentation(
        outputs, threshold=0.0, target_sizes=sizes, return_binary_maps=True
    )
    for people, answer, size in zip(found, expected, sizes, strict=True):
        chosen = [n for n, info in enumerate(answer["segments_info"]) if info["label_id"] == 1]
        drawn = people.masks.flatten(1).any(1)  # transformers leaves out empty ones
        assert people.masks.shape[1:] == size
        assert len(chosen) == drawn.sum() > 0
        assert torch.equal(people.masks[drawn], answer["segmentation"][chosen])


def test_people_of_one_score_keep_their_own_masks(folder):
    """In half precision scores repeat; then the boxes tell whose mask it is."""
    import transformers

    sides = torch.tensor([0.25, 0.75])
    boxes = torch.stack([sides, torch.full((2,), 0.5), torch.full((2,), 0.4), torch.ones(2)], 1)
    masks = torch.full((1, 2, 8, 8), -1.0)
    masks[0, 0, :, :4] = masks[0, 1, :, 4:] = 1.0
    answer = SimpleNamespace(
        logits=torch.tensor([[[-5.0, 1.0], [-5.0, 1.0]]]), pred_boxes=boxes[None], pred_masks=masks
    )
    detector = TransformersDetector(
        model=transformers.RfDetrForInstanceSegmentation.from_pretrained(folder),
        processor=transformers.RfDetrImageProcessor.from_pretrained(folder),
    )
    detector.model = lambda **_: answer
    (people,) = detector.detect([IMAGE])
    left = people.bboxes[:, 0] < 60
    assert sorted(left.tolist()) == [False, True]
    for mask, is_left in zip(people.masks, left, strict=True):
        assert mask[:, :60].all() == is_left
        assert mask[:, 60:].any() != is_left


def go_round_the_loop(detector):
    images, parts = [IMAGE, OTHER], (RectanglePose(), RectangleSegmenter())
    settings = LoopSettings(num_iters=2, min_joints=0)
    results = run_loop(images, detector, *parts, settings)
    for image, result in zip(images, results, strict=True):
        assert len(result.turns) == 2
        assert len(result.people.bboxes) > 0
        assert result.people.masks.shape[1:] == image.shape[:2]


def test_detectors_of_torchvision_and_transformers_go_round_the_loop(folder):
    torch.manual_seed(0)
    few = {"max_people": 3, "score_thr": 0.0}
    go_round_the_loop(TransformersDetector(str(folder), **few))
    theirs = TorchvisionDetector("fasterrcnn_mobilenet_v3_large_fpn", num_classes=2, **few)
    theirs.model.transform.min_size = (96,)  # 800 pixels of random weights take minutes
    go_round_the_loop(theirs)


@pytest.fixture(scope="module")
def rfdetr_model():
    pytest.importorskip("rfdetr")
    from rfdetr import RFDETRSegNano

    torch.manual_seed(0)
    model = RFDETRSegNano(pretrain_weights=None, device="cpu")
    model.model.model.class_embed.bias.data[1] += 3  # COCO's id of people, who would be rare
    return model


# what importing rfdetr and making one without weights says
QUIET = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:RFDETRSegNanoConfig was instantiated"),
]


def quiet(test):
    for mark in QUIET:
        test = mark(test)
    return test


@quiet
def test_people_of_rfdetr_are_those_of_its_own_answer_to_a_picture(rfdetr_model):
    found = RFDETRDetector(model=rfdetr_model, **EVERYBODY).detect([IMAGE, OTHER])
    for people, rgb in zip(found, RGB, strict=True):
        expected = rfdetr_model.predict(Image.fromarray(rgb), threshold=0.0)
        is_person = expected.class_id == 1
        assert is_person.sum() == len(people.bboxes) > 0
        torch.testing.assert_close(
            people.bboxes, torch.from_numpy(expected.xyxy[is_person]), atol=1e-3, rtol=0
        )
        assert people.masks.shape == (len(people.bboxes), *rgb.shape[:2])
        same = people.masks.numpy() == expected.mask[is_person]
        assert same.mean() > 0.999


@quiet
def test_rfdetr_goes_round_the_loop(rfdetr_model):
    go_round_the_loop(RFDETRDetector(model=rfdetr_model, score_thr=0.0, max_people=3))


@quiet
def test_nobody_of_rfdetr_is_an_empty_record_and_other_classes_are_refused(rfdetr_model):
    detector = RFDETRDetector(model=rfdetr_model, score_thr=0.999)
    (people,) = detector.detect([IMAGE])
    assert people.bboxes.shape == (0, 4)
    assert people.masks.shape == (0, 90, 120)
    assert detector.detect([]) == []
    with pytest.raises(ValueError, match="no class of the RF-DETR is a person"):
        RFDETRDetector(model=SimpleNamespace(class_names=["cat"]))
    named = RFDETRDetector(model=SimpleNamespace(class_names=["Cat", "Person", "people"]))
    assert named.people == ["Person", "people"]
    with pytest.raises(ValueError, match="weights as checkpoint"):
        RFDETRDetector()


@quiet
def test_a_config_names_weights_of_rfdetr(rfdetr_model, tmp_path):
    path = tmp_path / "rf-detr-seg-nano.pt"  # its published name says which model it is
    weights = rfdetr_model.model.model.state_dict()
    torch.save({"model": weights, "args": {"pretrain_weights": "none"}}, path)
    detector = build_detector({"type": "RFDETRDetector", "checkpoint": str(path)})
    (again,), (people,) = (
        RFDETRDetector(model=model, **EVERYBODY).detect([IMAGE])
        for model in (detector.model, rfdetr_model)
    )
    assert len(people.bboxes) > 0
    torch.testing.assert_close(again.bboxes, people.bboxes, atol=1e-3, rtol=0)
