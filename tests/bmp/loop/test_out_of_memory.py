"""Memory that runs out in any network of the loop: smaller chunks, the same people, said once."""

import logging
from functools import cache
from pathlib import Path

import pytest
import torch

from bmp import enlarging
from bmp.loop import run_loop
from bmp.loop.build import build_parts
from bmp.loop.failures import describe_failure
from bmp.segmenters import batched_decoding
from mmpose.engine import memory
from mmpose.engine.config import load_config
from mmpose.inputs import read_image
from mmpose.structures.packed_masks import pack_rows

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def crowd():
    """A picture of people and its mirror image."""
    image = read_image(ROOT / "demos/photos/000000001000.jpg")
    return [image, image[:, ::-1].copy()]


@pytest.fixture(scope="module")
def parts():
    return build_parts(load_config(str(ROOT / "configs/demo/bmp_demo.py")).model, "cpu")


def run(parts, images):
    return run_loop(images, parts.detector, parts.pose_model, parts.segmenter, parts.settings)


def with_room_for(most, call, place=0):
    """A call that fails where the tensor at ``place`` of its arguments holds more than ``most``."""

    def limited(*args, **kwargs):
        if len(args[place]) > most:
            raise torch.OutOfMemoryError("no room")
        return call(*args, **kwargs)

    return limited


@pytest.fixture
def limit(parts, monkeypatch):
    """Gives room for so many in one network; what fitted and was said before is forgotten."""
    networks = {
        "detector": (parts.detector.model.backbone, "forward", 0),
        "pose model": (parts.pose_model.model.backbone, "forward", 0),
        "encoder": (parts.segmenter.sam.image_encoder, "forward", 0),
        "prompts": (batched_decoding, "encode_prompts", 1),
        "decoder": (batched_decoding, "decode_people", 3),
    }
    for worker in (parts.detector, parts.pose_model.model, parts.segmenter, parts.segmenter.sam):
        monkeypatch.setitem(vars(worker), "fitting_chunks", {})
    monkeypatch.setattr(memory, "_tell", cache(memory._tell.__wrapped__))

    def limit(network, most):
        owner, name, place = networks[network]
        monkeypatch.setattr(owner, name, with_room_for(most, getattr(owner, name), place))

    return limit


def test_people_are_those_of_whole_chunks_and_it_is_said_once(parts, crowd, limit, caplog):
    expected = run(parts, crowd)
    for network, most in (("detector", 1), ("encoder", 1), ("pose model", 3)):
        limit(network, most)
    limit("prompts", 3)
    limit("decoder", 2)
    with caplog.at_level(logging.WARNING, "mmpose.engine.memory"):
        found = run(parts, crowd)
    for one, other in zip(found, expected, strict=True):
        assert len(one.people) == len(other.people) > 3
        for name in ("bboxes", "keypoints", "scores"):
            torch.testing.assert_close(one.people[name], other.people[name], atol=1e-3, rtol=1e-4)
        different = (one.people.masks ^ other.people.masks).sum()
        assert different <= 1e-4 * other.people.masks.sum()  # logits near 0 round apart
    told = [record.getMessage() for record in caplog.records]
    assert len(set(told)) == len(told)
    for what in ("images in the detector", "images in the segmenter", "people in the pose model"):
        assert any(what in line for line in told)
    assert parts.segmenter.sam.fitting_chunks["people in the segmenter"] <= 2


def test_one_person_too_many_names_the_stage(parts, crowd, limit):
    limit("decoder", 0)
    with pytest.raises(torch.OutOfMemoryError) as caught:
        run(parts, crowd[:1])
    assert describe_failure(caught.value) == "no room (stage segment of turn 1)"


def test_masks_are_enlarged_in_smaller_chunks(monkeypatch):
    logits = torch.randn(5, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = batched_decoding.upsample_masks(logits, (40, 30)).unpack()
    monkeypatch.setattr(enlarging, "is_free_to_read", lambda tensor: False)
    monkeypatch.setattr(enlarging, "pack_rows", with_room_for(2, pack_rows))
    assert torch.equal(batched_decoding.upsample_masks(logits, (40, 30)).unpack(), expected)
