"""Codecs against published numbers, round trips, and their refusals."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from benchmarks.published_decoding import decode_dark_udp
from mmpose.codecs.encoding import is_inside
from mmpose.codecs.oks_heatmap import oks_spreads
from mmpose.registry import KEYPOINT_CODECS
from mmpose.structures import keypoint_sigmas
from tests.mmpose.golden import load_golden

SIZES = {"input_size": (192, 256), "heatmap_size": (48, 64)}
CODECS = {
    "UDPHeatmap": {"type": "UDPHeatmap", "sigma": 2},
    "OKSArgMaxHeatmap": {"type": "OKSArgMaxHeatmap", "sigma": -1},
    "MSRAHeatmap": {"type": "MSRAHeatmap", "sigma": 2},
}


def build(settings):
    return KEYPOINT_CODECS.build({**settings, **SIZES})


@pytest.fixture(scope="module")
def golden():
    return load_golden("codecs.npz")


@pytest.mark.parametrize("name", CODECS)
def test_encoding_gives_the_published_targets(name, golden):
    encoded = build(CODECS[name]).encode(
        golden["keypoints"], golden["keypoints_visible"], golden["keypoints_visibility"]
    )
    for field, value in encoded.items():
        if f"{name}.encode.{field}" in golden:
            published = golden[f"{name}.encode.{field}"].reshape(value.shape)
            np.testing.assert_allclose(value, published, atol=1e-5, err_msg=field)


@pytest.mark.parametrize("name", CODECS)
def test_decoding_gives_the_published_joints(name, golden):
    heatmaps = torch.from_numpy(golden["decode_heatmaps"])
    keypoints, scores = build(CODECS[name]).decode(heatmaps)
    # a thousandth of a cell, which is 4 pixels
    np.testing.assert_allclose(keypoints, golden[f"{name}.decode.keypoints"], atol=4e-3)
    np.testing.assert_allclose(scores, golden[f"{name}.decode.scores"], atol=1e-6)


# keypoint in the crop -> highest value of the target and decoded keypoint, by UDPHeatmap and by
# OKSArgMaxHeatmap, and whether it lies inside; joints 0 to 7 of one person
PUBLISHED_EXAMPLES = [
    ((96.3, 128.7), 0.983473, (96.8040, 129.2046), 1, (96.8060, 129.2065), 1),
    ((10.2, 5.5), 0.954934, (10.6874, 7.1353), 1, (10.2535, 5.5406), 1),
    ((0, 0), 1, (-2.0426, -2.0317), 1, (-2.0426, -2.0318), 1),
    ((191, 255), 1, (194.0426, 258.0317), 1, (194.0426, 258.0317), 1),
    ((-3, 100), 0.924101, (-2.0425, 100.3920), 1, (-2.0426, 100.3940), 0),
    ((-30, 40), 0.0010985, (-2.5667, 39.3683), 4.5e-6, (0, 40.6349), 0),
    ((188.9, 250.1), 0.965863, (186.5656, 249.2031), 1, (187.7245, 250.0817), 1),
    ((100, 100), 0.970361, (100.5234, 100.3920), 1, (100.5235, 100.3921), 1),
]


@pytest.mark.parametrize(("name", "column"), [("UDPHeatmap", 1), ("OKSArgMaxHeatmap", 3)])
def test_borders_and_the_outside_are_treated_as_published(name, column):
    codec = build(CODECS[name])
    keypoints = torch.zeros(1, 17, 2)
    keypoints[0, :8] = torch.tensor([row[0] for row in PUBLISHED_EXAMPLES])
    visible = (torch.arange(17) < 8).float()[None]
    encoded = codec.encode(keypoints, visible)
    peaks = encoded["heatmaps"][0, :8].amax((-2, -1))
    np.testing.assert_allclose(peaks, [row[column] for row in PUBLISHED_EXAMPLES], rtol=2e-2)
    np.testing.assert_allclose(peaks, [row[column] for row in PUBLISHED_EXAMPLES], atol=1e-5)
    decoded, _ = codec.decode(encoded["heatmaps"])
    expected = [row[column + 1] for row in PUBLISHED_EXAMPLES]
    np.testing.assert_allclose(decoded[0, :8], expected, atol=4e-3)
    assert encoded["in_image"][0, :8].tolist() == [bool(row[5]) for row in PUBLISHED_EXAMPLES]
    assert encoded["keypoint_weights"].tolist() == visible.tolist()


@pytest.mark.parametrize("height", [0.0015, 0.005, 0.02, 1.0, 80.0])
def test_refinement_is_the_published_one_also_where_values_are_clipped(height):
    """Beside each peak stands a wider one, lower but highest after the blur.

    In float64: where clipping leaves the quadratic nearly flat, float32 would move cells far.
    """
    torch.manual_seed(0)
    keypoints = torch.rand(4, 17, 2) * torch.tensor([191.0, 255.0])
    narrow, wide = (
        build({"type": "UDPHeatmap", "sigma": sigma}).encode(points)["heatmaps"]
        for sigma, points in ((1, keypoints), (4, keypoints.flip(1)))
    )
    maps = height * torch.maximum(narrow / narrow.amax((-2, -1), keepdim=True), 0.8 * wide)
    maps[:, :8] -= 0.001 * height
    decoded, scores = build(CODECS["UDPHeatmap"] | {"bounded_steps": False}).decode(maps)
    bounded, _ = build(CODECS["UDPHeatmap"]).decode(maps)
    is_near = (bounded - decoded).abs().amax(-1) < 1e-3
    assert is_near.float().mean() > 0.9
    for person, joints, values in zip(maps.numpy(), decoded, scores, strict=True):
        published, peaks = decode_dark_udp(person.astype(float), SIZES["input_size"])
        np.testing.assert_allclose(joints, published, rtol=1e-4, atol=4e-3)
        np.testing.assert_allclose(values, peaks, rtol=1e-6)


def test_similarity_maps_are_as_wide_as_published():
    spreads = oks_spreads(keypoint_sigmas(17), (48, 64))
    pairs = [2.21383, 1.83889, 1.36356, 3.0, 2.68491, 2.80977]
    published = [0.55] * 5 + [value for value in pairs for _ in range(2)]
    torch.testing.assert_close(spreads, torch.tensor(published), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", [*CODECS, "ArgMaxProbMap", "ProbMap"])
def test_everything_stays_on_the_device_it_came_on(name):
    """A tensor made on a fixed device could not meet those of the abstract one."""
    codec = build(CODECS.get(name, {"type": name}))
    encoded = codec.encode(torch.zeros(2, 17, 2, device="meta"))
    decoded = codec.decode(encoded["heatmaps"])
    assert {tensor.device.type for tensor in (*encoded.values(), *decoded)} == {"meta"}


@pytest.mark.parametrize(
    "settings",
    [
        *CODECS.values(),
        {"type": "ProbMap"},
        {"type": "UDPHeatmap", "heatmap_type": "combined"},
        {"type": "MSRAHeatmap", "sigma": 2, "unbiased": True},
    ],
    ids=str,
)
def test_autocast_moves_no_joint(settings):
    codec = build(settings)
    torch.manual_seed(0)
    keypoints = torch.rand(2, 17, 2) * 180
    plain = codec.encode(keypoints)["heatmaps"]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(codec.encode(keypoints)["heatmaps"], plain)
        decoded = codec.decode(plain)
    torch.testing.assert_close(decoded, codec.decode(plain), rtol=0, atol=0)


@pytest.mark.parametrize("name", [*CODECS, "ArgMaxProbMap", "ProbMap"])
def test_a_joint_inside_survives_the_round_trip(name):
    codec = build(CODECS.get(name, {"type": name}))
    torch.manual_seed(0)
    keypoints = 20 + torch.rand(5, 17, 2) * torch.tensor([150.0, 210.0])
    encoded = codec.encode(keypoints)
    decoded, scores = codec.decode(encoded["heatmaps"])
    if name != "MSRAHeatmap":  # the others decode to a far border at (w, h)
        decoded = decoded * torch.tensor([191 / 192, 255 / 256])
    # MSRA rounds to quarter cells, the arg-max of narrow maps wobbles by a tenth
    tolerance = 4 * (0.5 if name == "MSRAHeatmap" else 0.15)
    assert (decoded - keypoints).abs().max() < tolerance
    assert scores.min() > 0.5
    assert encoded["in_image"].all()


def test_expected_similarity_prefers_the_middle_of_two_peaks_for_wide_joints():
    heatmaps = torch.zeros(1, 17, 64, 48)
    heatmaps[:, :, 20, 10] = heatmaps[:, :, 20, 14] = 0.5
    heatmaps[:, :, 40, 30] = 0.3
    keypoints, _ = build({"type": "ProbMap"}).decode(heatmaps)
    cells = keypoints[0, [0, 5, 11]] / torch.tensor([192 / 47, 256 / 63])
    published = torch.tensor([[10.0, 20.0], [10.196859, 20.0], [10.502993, 20.0]])
    torch.testing.assert_close(cells, published, atol=1e-4, rtol=0)


@pytest.mark.parametrize("sigma", [-1, 0.6, 1.5, 12.0], ids=["own", "0.6", "1.5", "12"])
def test_the_highest_expected_similarity_is_that_of_scipy(sigma):
    rng = np.random.default_rng(0)
    maps = rng.random((2, 17, 64, 48)) ** 8
    maps[0, :, :3, :3] += 2.0  # and at a corner, where the edges are mirrored
    spreads = oks_spreads(keypoint_sigmas(17), (48, 64)).double().numpy()
    spreads = spreads if sigma < 0 else np.full(17, sigma)
    _, scores = build({"type": "ProbMap", "sigma": sigma}).decode(torch.from_numpy(maps))
    for person, joint in np.ndindex(2, 17):
        radius = int(np.ceil(3 * spreads[joint]))
        kernel = np.exp(-np.square(np.arange(-radius, radius + 1)) / (2 * spreads[joint]))
        expected = maps[person, joint]
        for axis in range(2):
            expected = ndimage.convolve1d(expected, kernel / kernel.sum(), axis, mode="reflect")
        cell = np.unravel_index(expected.argmax(), expected.shape)
        assert scores[person, joint].item() == pytest.approx(maps[person, joint][cell], rel=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        *CODECS.values(),
        {"type": "ProbMap"},
        {"type": "ArgMaxProbMap"},
        {"type": "UDPHeatmap", "heatmap_type": "combined"},
        {"type": "MSRAHeatmap", "sigma": 2, "unbiased": True},
    ],
    ids=str,
)
def test_one_person_or_many_or_nobody(settings):
    codec = build(settings)
    keypoints = torch.rand(3, 17, 2) * 180
    together = codec.encode(keypoints)
    alone = codec.encode(keypoints[1:2])
    for field in together:
        torch.testing.assert_close(together[field][1:2], alone[field])
    decoded, scores = codec.decode(together["heatmaps"])
    decoded_alone, scores_alone = codec.decode(alone["heatmaps"])
    torch.testing.assert_close(decoded[1:2], decoded_alone)
    torch.testing.assert_close(scores[1:2], scores_alone)
    nobody = codec.encode(keypoints[:0])
    assert nobody["heatmaps"].shape == (0, *together["heatmaps"].shape[1:])
    assert codec.decode(nobody["heatmaps"])[0].shape == (0, 17, 2)


@pytest.mark.parametrize("num_keypoints", [17, 19, 21, 22, 23, 41, 47])
def test_targets_exist_for_every_joint_set(num_keypoints):
    keypoints = torch.full((1, num_keypoints, 2), 90.0)
    codec = build({"type": "OKSArgMaxHeatmap"})
    encoded = codec.encode(keypoints)
    assert encoded["heatmaps"].amax((-2, -1)).tolist() == [[1.0] * num_keypoints]
    assert codec.decode(encoded["heatmaps"])[0].shape == (1, num_keypoints, 2)


def test_inside_begins_at_the_first_pixel_centre_and_ends_before_the_size():
    points = [[0, 0], [-0.1, 5], [5, -0.1], [191.9, 255.9], [192, 5], [5, 256], [256, 192]]
    points = torch.tensor(points)
    expected = [True, False, False, True, False, False, False]
    assert is_inside(points, (192, 256)).tolist() == expected
    for name in ("OKSArgMaxHeatmap", "MSRAHeatmap"):
        encoded = build(CODECS[name]).encode(points[None].repeat(1, 3, 1)[:, :17])
        assert encoded["in_image"][0, :7].tolist() == expected


def test_joints_stay_where_they_are_when_a_spread_is_given():
    """exp(-d² / (2 · 1.5)), d in cells: 2 across and 1 down."""
    joint = torch.tensor([[[20.0, 30.0]]]) * torch.tensor([191 / 47, 255 / 63])
    codec = build({"type": "OKSArgMaxHeatmap", "sigma": 1.5})
    heatmap = codec.encode(joint)["heatmaps"][0, 0]
    assert heatmap[30, 20] == pytest.approx(1)
    assert heatmap[31, 22] == pytest.approx(np.exp(-5 / 3), rel=1e-4)


@pytest.mark.parametrize(
    ("height", "peak"),
    [(0.9, 1), (0.0015, 1), (0.0011, 1), (0.0009, 0.0009), (0.0004, 0.0004)],
)
def test_peaks_above_a_thousandth_are_raised_to_one(height, peak):
    """Left of the map by d cells: exp(-d² / (2 · 1.5)) is its highest value."""
    cells = (-3 * np.log(height)) ** 0.5
    joint = torch.tensor([[[-cells * 191 / 47, 30 * 255 / 63]]])
    encoded = build({"type": "OKSArgMaxHeatmap", "sigma": 1.5}).encode(joint)
    assert encoded["heatmaps"].max().item() == pytest.approx(peak, rel=1e-3)
    assert encoded["keypoint_weights"].tolist() == [[1]]
    plain = build({"type": "ArgMaxProbMap", "sigma": 1.5}).encode(joint)
    assert plain["heatmaps"].max().item() == pytest.approx(height, rel=1e-3)


@pytest.mark.parametrize("heatmap_type", ["gaussian", "combined"])
def test_an_empty_map_is_decoded_beside_the_corner(heatmap_type):
    codec = build({"type": "UDPHeatmap", "heatmap_type": heatmap_type})
    keypoints, scores = codec.decode(torch.zeros(1, 2 * codec.maps_per_keypoint, 64, 48))
    torch.testing.assert_close(keypoints[0, 0], -torch.tensor([192 / 47, 256 / 63]))
    assert (scores == 0).all()


def test_unknown_joint_lists_are_refused_with_the_fix():
    with pytest.raises(ValueError, match=r"14 keypoints.*sigmas="):
        build(CODECS["OKSArgMaxHeatmap"]).encode(np.zeros((1, 14, 2), np.float32))
    given = build({"type": "ProbMap", "sigmas": [0.05] * 14})
    assert given.encode(np.zeros((1, 14, 2), np.float32))["heatmaps"].shape == (1, 14, 64, 48)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="keypoints must be"):
        build(CODECS["UDPHeatmap"]).encode(np.zeros((2, 17, 2)), np.zeros((1, 17)))
    with pytest.raises(ValueError, match="keypoints must be"):
        build(CODECS["UDPHeatmap"]).encode(np.zeros((2, 17, 3)))


def test_mirrored_views_are_encoded():
    points = np.random.default_rng(0).random((2, 17, 2)) * 180
    codec = build(CODECS["UDPHeatmap"])
    mirrored = codec.encode(points[:, ::-1])["heatmaps"]
    np.testing.assert_array_equal(mirrored, codec.encode(points)["heatmaps"][:, ::-1])


@pytest.mark.parametrize("name", ["UDPHeatmap", "OKSArgMaxHeatmap", "MSRAHeatmap"])
def test_an_even_blur_is_refused(name):
    with pytest.raises(ValueError, match="odd size, got 10"):
        build({**CODECS[name], "blur_kernel_size": 10})
