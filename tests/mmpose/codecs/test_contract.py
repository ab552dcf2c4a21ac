"""Codecs answer alike for tensors and arrays, for many and one; those of MMPose's users run too."""

import numpy as np
import pytest
import torch

from mmpose.codecs import ArgMaxProbMap, MSRAHeatmap, OKSArgMaxHeatmap, ProbMap, UDPHeatmap
from mmpose.codecs.contract import decode_batch
from mmpose.datasets import GenerateTarget, PackPoseInputs
from mmpose.models import HeatmapHead

SIZES = {"input_size": (48, 64), "heatmap_size": (12, 16)}
CODECS = {
    "udp": UDPHeatmap(**SIZES),
    "combined": UDPHeatmap(**SIZES, heatmap_type="combined"),
    "msra": MSRAHeatmap(**SIZES, sigma=1),
    "dark": MSRAHeatmap(**SIZES, sigma=1, unbiased=True),
    "oks": OKSArgMaxHeatmap(**SIZES),
    "prob": ProbMap(**SIZES),
    "old prob": ArgMaxProbMap(**SIZES),
}


class CellCodec:
    """As MMPose's users write them: one person, arrays, no visibility; joints at whole cells."""

    auxiliary_encode_keys = ("area",)
    label_mapping_table = {"cell_numbers": "cells", "keypoint_weights": "keypoint_weights"}  # noqa: RUF012
    field_mapping_table = {"heatmaps": "heatmaps", "squares": "squared"}  # noqa: RUF012

    def encode(self, keypoints, keypoints_visible=None, area=None):
        cells = np.round(keypoints[0] / 4).astype(int)  # (K, 2)
        maps = np.zeros((len(cells), 16, 12), np.float32)
        maps[np.arange(len(cells)), cells[:, 1], cells[:, 0]] = area
        return {
            "heatmaps": maps,
            "squares": maps**2,
            "keypoint_weights": keypoints_visible.copy(),
            "cell_numbers": cells[None, :, 1] * 12 + cells[None, :, 0],
        }

    def decode(self, encoded):
        assert type(encoded) is np.ndarray
        assert encoded.ndim == 3
        flat = encoded.reshape(len(encoded), -1)
        best = flat.argmax(1)
        return np.stack([best % 12, best // 12], -1)[None] * 4.0, flat.max(1)[None]


class BatchCodec(CellCodec):
    support_batch_decoding = True

    def batch_decode(self, batch_encoded):
        assert batch_encoded.ndim == 4
        answers = [self.decode(maps) for maps in batch_encoded.numpy()]
        return [keypoints for keypoints, _ in answers], [scores for _, scores in answers]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("num_people", [0, 1, 3])
def test_arrays_and_single_people_are_decoded_as_tensors_are(codec, num_people):
    torch.manual_seed(0)
    maps = torch.rand(num_people, 51, 16, 12)[:, :17]  # no contiguous block
    maps = maps if codec is not CODECS["combined"] else torch.rand(num_people, 51, 16, 12)
    keypoints, scores = codec.decode(maps)
    assert keypoints.shape == (num_people, 17, 2)
    arrays = codec.decode(maps.numpy())
    for array, tensor in zip(arrays, (keypoints, scores), strict=True):
        assert type(array) is np.ndarray
        np.testing.assert_array_equal(array, tensor.numpy())
    for i, one in enumerate(maps):
        for single in (codec.decode(one), codec.decode(one.numpy())):
            assert tuple(single[0].shape) == (1, 17, 2)
            np.testing.assert_allclose(single[0][0], keypoints[i], atol=1e-4)
            np.testing.assert_array_equal(single[1], scores[i : i + 1])


def test_mirrored_and_double_arrays_are_decoded():
    maps = np.zeros((17, 16, 12))
    maps[:, 5, 3] = 1.0
    keypoints, _ = CODECS["msra"].decode(maps[:, :, ::-1])
    assert keypoints[0, 0].tolist() == [(12 - 1 - 3) * 4, 5 * 4]


@pytest.mark.parametrize("shape", [(16, 12), (1, 2, 17, 16, 12), (5,)])
def test_maps_of_other_dimensions_are_refused(shape):
    for maps in (np.zeros(shape, np.float32), torch.zeros(shape)):
        with pytest.raises(ValueError, match=r"\(C, h, w\) of one person, got"):
            CODECS["udp"].decode(maps)


def make_sample():
    return {
        "img": np.zeros((64, 48, 3), np.uint8),
        "area": 2.0,
        "keypoints": np.array([[[8, 12], [20, 40], [44, 60]]], np.float32),
        "keypoints_visible": np.array([[1, 0, 1]], np.float32),
        "keypoints_visibility": np.array([[1, 0, 0]], np.float32),
    }


@pytest.mark.parametrize("codec_class", [CellCodec, BatchCodec])
def test_a_codec_of_a_user_runs_from_pipeline_to_joints(codec_class):
    codec = codec_class()
    packed = PackPoseInputs()(GenerateTarget(codec)(make_sample()))["data_samples"]
    maps = packed.gt_fields.heatmaps
    assert maps.shape == (3, 16, 12)
    assert maps[0, 3, 2] == maps[1, 10, 5] == 2
    assert packed.gt_fields.squared.sum() == 3 * 4
    assert packed.gt_instance_labels.cells.tolist() == [[3 * 12 + 2, 10 * 12 + 5, 15 * 12 + 11]]
    assert packed.gt_instance_labels.keypoint_weights.tolist() == [[1, 0, 1]]
    head = HeatmapHead(3, 3, deconv_out_channels=None, final_layer=None, decoder=codec)
    losses = head.loss([maps[None]], [packed])
    assert (losses["loss_kpt"], losses["acc_pose"]) == (0, 1)
    decoded = head.decode(torch.stack([maps, maps.flip(-1)]))
    assert decoded["keypoints"][0].tolist() == [[8, 12], [20, 40], [44, 60]]
    assert decoded["keypoints"][1, 0].tolist() == [44 - 8, 12]
    assert decoded["keypoint_scores"].tolist() == [[2, 2, 2]] * 2
    assert head.decode(maps[None][:0])["keypoints"].shape == (0, 3, 2)


def test_maps_of_one_person_pack_alike_with_and_without_the_person():
    sample = make_sample()
    maps = np.random.default_rng(0).random((3, 16, 12), np.float32)
    plain, nested = (
        PackPoseInputs()(sample | {"heatmaps": m})["data_samples"].gt_fields.heatmaps
        for m in (maps, maps[None])
    )
    assert torch.equal(plain, nested)
    assert plain.shape == (3, 16, 12)


def test_a_codec_of_other_answers_is_named():
    class Flat:
        def decode(self, encoded):
            return np.zeros((3, 2)), np.zeros(3)

    with pytest.raises(ValueError, match=r"Flat decodes 2 people to keypoints \(6, 2\)"):
        decode_batch(Flat(), torch.zeros(2, 3, 16, 12))


def test_our_codecs_take_visibility_where_they_use_it():
    codec = UDPHeatmap(**SIZES, increase_sigma_with_padding=True)
    encoded = GenerateTarget(codec)(make_sample())["heatmaps"]
    assert encoded.shape == (1, 3, 16, 12)
    blind = {k: v for k, v in make_sample().items() if k != "keypoints_visibility"}
    with pytest.raises(ValueError, match="needs keypoints_visibility"):
        GenerateTarget(codec)(blind)
