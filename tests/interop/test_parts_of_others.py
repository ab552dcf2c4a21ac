"""Detector, segmenter and pose model of transformers in the loop, live, with random weights."""

import numpy as np
import pytest
import torch

from bmp.detectors.transformers_detr import TransformersDetector
from bmp.loop import LoopSettings, run_loop
from bmp.segmenters.batched_decoding import decode_prompts
from bmp.segmenters.embeddings import embed_batch, prepare_image
from bmp.segmenters.prompts import Prompts
from bmp.segmenters.sam2_model import build_sam2
from bmp.segmenters.transformers_sam import TransformersSegmenter
from bmp.structures import make_people
from bmp.transformers_pose import TransformersPose
from mmpose.engine.checkpoint import load_checkpoint

transformers = pytest.importorskip("transformers")
# behind it: without the package that file has nothing to import
from tests.interop.test_hugging_face import (  # noqa: E402
    OURS,
    hugging_face_sam2,
    hugging_face_vitpose,
)

pytestmark = pytest.mark.interop

HEIGHT, WIDTH = 90, 120
IMAGE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
BOXES = torch.tensor([[10.0, 10, 50, 80], [60, 5, 110, 85]])


class Boxes:
    """A detector that always answers the same two people."""

    def detect(self, images):
        return [make_people(BOXES, bbox_scores=torch.tensor([0.9, 0.8])) for _ in images]


def pose_model():
    theirs = hugging_face_vitpose(simple=True)
    processor = transformers.VitPoseImageProcessor(size={"height": 64, "width": 48})
    return TransformersPose(model=theirs, processor=processor)


def test_transformers_own_pose_lies_in_the_window_and_nobody_is_empty():
    people = make_people(BOXES, bbox_scores=torch.tensor([0.9, 0.8]))
    posed, nobody = pose_model().estimate([IMAGE, IMAGE], [people, people[:0]])
    assert posed.keypoints.shape == (2, 17, 2)
    # windows of 1.25 boxes, 3 to 4 wide, a joint may be refined by a cell or two beyond
    centers = (BOXES[:, None, :2] + BOXES[:, None, 2:]) / 2
    reach = 1.25 * torch.tensor([[[52.5, 70.0]], [[60.0, 80.0]]]) / 2
    assert ((posed.keypoints - centers).abs() <= 1.2 * reach).all()
    assert nobody.keypoints.shape == (0, 17, 2)


def test_the_segmenter_of_transformers_gives_the_masks_of_ours(tmp_path):
    theirs, ours = hugging_face_sam2(video=False), build_sam2(**OURS)
    theirs.save_pretrained(tmp_path)
    load_checkpoint(ours, tmp_path)
    points = torch.tensor([[[30.0, 40], [90, 20]], [[64, 70], [0, 0]], [[0, 0], [0, 0]]])
    labels = torch.tensor([[1, 0], [1, -1], [-1, -1]])
    boxes = torch.tensor([[5.0, 5, 60, 70]]).repeat(3, 1)
    prompts = Prompts(points, labels, boxes, torch.tensor([True, False, False]))
    segmenter = TransformersSegmenter(str(tmp_path))
    ((masks, scores),) = segmenter.segment(segmenter.embed([IMAGE]), [prompts])
    batch = prepare_image(IMAGE, OURS["image_size"])[None]
    embeddings = embed_batch(ours, batch, [(HEIGHT, WIDTH)])
    ((_, expected),) = decode_prompts(ours, embeddings, [prompts])
    torch.testing.assert_close(scores, expected, atol=1e-4, rtol=0)
    assert scores[2] == 0
    assert len(masks) == 3


def test_all_parts_of_transformers_go_round_the_loop():
    segmenter = TransformersSegmenter(model=hugging_face_sam2(video=False))
    settings = LoopSettings(num_iters=2, min_joints=0)
    (result,) = run_loop([IMAGE], Boxes(), pose_model(), segmenter, settings)
    assert len(result.turns) == 2
    assert result.people.masks.shape[1:] == (HEIGHT, WIDTH)


def test_a_detector_of_transformers_gives_its_people_alone():
    config = transformers.RTDetrConfig(
        d_model=32,
        encoder_hidden_dim=32,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_in_channels=[16, 16, 16],
        decoder_in_channels=[32, 32, 32],
        num_queries=12,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        backbone_config=transformers.RTDetrResNetConfig(
            embedding_size=8,
            hidden_sizes=[8, 16, 16, 16],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            out_features=["stage2", "stage3", "stage4"],
        ),
        id2label={0: "dog", 1: "person"},
        label2id={"dog": 0, "person": 1},
    )
    torch.manual_seed(0)
    model = transformers.RTDetrForObjectDetection(config)
    processor = transformers.RTDetrImageProcessor(size={"height": 128, "width": 128})
    detector = TransformersDetector(model=model, processor=processor, score_thr=0.0)
    (people,) = detector.detect([IMAGE])
    rgb = np.ascontiguousarray(IMAGE[..., ::-1])
    with torch.no_grad():
        outputs = model.eval()(**processor(images=[rgb], return_tensors="pt"))
    (found,) = processor.post_process_object_detection(
        outputs, threshold=0.0, target_sizes=[(HEIGHT, WIDTH)]
    )
    best = found["scores"][found["labels"] == 1].max()
    torch.testing.assert_close(people.bbox_scores.max(), best)
    model.config.id2label = {0: "dog", 1: "cat"}
    with pytest.raises(ValueError, match="no label of the detector is a person"):
        TransformersDetector(model=model, processor=processor)
