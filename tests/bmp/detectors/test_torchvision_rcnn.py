"""torchvision's conventions, by a stand-in for its network that answers known people."""

import numpy as np
import pytest
import torch

from bmp.detectors import build_detector
from bmp.detectors.torchvision_rcnn import TorchvisionDetector

HEIGHT, WIDTH = 40, 60


@pytest.fixture(scope="module")
def detector():
    return TorchvisionDetector("fasterrcnn_mobilenet_v3_large_fpn", score_thr=0.3)


class Answering(torch.nn.Module):
    """Keeps what it is asked, answers what it was given."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.asked = answer, []

    def forward(self, images):
        self.asked += images
        return [self.answer for _ in images]


def answer_of(**more):
    boxes = torch.tensor([[1.0, 2, 11, 22], [30, 5, 50, 35], [1, 2, 12, 22], [0, 0, 9, 9]])
    return {
        "boxes": boxes,
        "labels": torch.tensor([1, 1, 1, 18]),  # 18 is a dog there
        "scores": torch.tensor([0.9, 0.2, 0.8, 0.99]),
        **more,
    }


def test_people_alone_stay_each_once_above_the_threshold(detector, monkeypatch):
    masks = torch.zeros(4, 1, HEIGHT, WIDTH)
    masks[0, 0, 2:22, 1:11] = 0.51
    masks[0, 0, 0, 0] = 0.5  # not above it
    model = Answering(answer_of(masks=masks))
    monkeypatch.setattr(detector, "model", model)
    (people,) = detector.detect([np.zeros((HEIGHT, WIDTH, 3), np.uint8)])
    assert people.bboxes.tolist() == [[1, 2, 11, 22]]
    assert people.bbox_scores.tolist() == pytest.approx([0.9])
    assert int(people.masks.sum()) == 200
    assert not people.masks[0, 0, 0]


def test_the_network_sees_rgb_in_zero_to_one(detector, monkeypatch):
    model = Answering(answer_of())
    monkeypatch.setattr(detector, "model", model)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 2] = 255  # red in BGR
    (people,) = detector.detect([image])
    assert model.asked[0].shape == (3, HEIGHT, WIDTH)
    assert model.asked[0][:, 0, 0].tolist() == [1, 0, 0]
    assert "masks" not in people


def test_nobody_is_an_empty_record_of_full_rank(detector):
    (people,) = detector.detect([np.zeros((HEIGHT, WIDTH, 3), np.uint8)])
    assert people.bboxes.shape[1:] == (4,)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="maskrcnn_resnet50_fpn_v2"):
        build_detector({"type": "TorchvisionDetector", "name": "maskrcnn"})
