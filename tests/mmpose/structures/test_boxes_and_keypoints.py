"""Boxes, windows, flips and masks, on arrays and on tensors."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from mmpose.structures import (
    PoseDataSample,
    bbox_cs2xyxy,
    bbox_xywh2xyxy,
    bbox_xyxy2cs,
    bbox_xyxy2xywh,
    crop_to_image_keypoints,
    fix_aspect_ratio,
    flip_bbox,
    flip_keypoints,
    get_udp_warp_matrix,
    keypoint_sigmas,
    mask_to_rle,
    merge_data_samples,
    segmentation_to_mask,
)

KINDS = pytest.mark.parametrize(
    "kind", [np.asarray, lambda x: torch.as_tensor(np.asarray(x))], ids=["array", "tensor"]
)


@KINDS
def test_box_formats(kind):
    boxes = kind(np.array([[10, 20, 40, 80]], np.float32))
    assert bbox_xyxy2xywh(boxes).tolist() == [[10, 20, 30, 60]]
    assert bbox_xywh2xyxy(bbox_xyxy2xywh(boxes)).tolist() == boxes.tolist()
    centers, scales = bbox_xyxy2cs(boxes, 1.25)
    assert (centers.tolist(), scales.tolist()) == ([[25, 50]], [[37.5, 75]])
    assert bbox_cs2xyxy(centers, scales, 1.25).tolist() == boxes.tolist()
    assert fix_aspect_ratio(scales, 0.75).tolist() == [[56.25, 75]]
    assert flip_bbox(boxes, 100).tolist() == [[59, 20, 89, 80]]
    assert type(centers) is type(boxes)
    assert bbox_xyxy2xywh(boxes[:0]).shape == (0, 4)


def test_the_window_of_the_published_example():
    boxes = bbox_xywh2xyxy(np.array([[10.0, 10, 60, 100]]))
    centers, scales = bbox_xyxy2cs(boxes, 1.25)
    window = bbox_cs2xyxy(centers, fix_aspect_ratio(scales, 0.75))
    assert bbox_xyxy2xywh(window).tolist() == [[-6.875, -2.5, 93.75, 125]]


@KINDS
def test_udp_maps_border_centres_onto_border_centres(kind):
    centers = kind(np.array([[50.0, 60.0], [10.0, 10.0]]))
    scales = kind(np.array([[30.0, 40.0], [60.0, 80.0]]))
    matrices = get_udp_warp_matrix(centers, scales, 0.0, (192, 256))
    corners = np.array([[35.0, 40.0, 1], [65.0, 80.0, 1]])
    mapped = np.asarray(matrices[0]) @ corners.T
    np.testing.assert_allclose(mapped.T, [[0, 0], [191, 255]], atol=1e-9)
    turned = np.asarray(get_udp_warp_matrix(centers, scales, 90.0, (192, 256)))
    # a quarter turn keeps the centre: 15 px right of it is then above or below the middle
    np.testing.assert_allclose(turned[0] @ [50, 60, 1], [95.5, 127.5])
    np.testing.assert_allclose(turned[0] @ [65, 60, 1], [95.5, 127.5 + 15 * 255 / 40])


def test_decoded_joints_return_to_the_image():
    centers, scales = torch.tensor([[50.0, 60.0]]), torch.tensor([[30.0, 40.0]])
    crop = torch.tensor([[[0.0, 0.0], [192.0, 256.0]]])
    image = crop_to_image_keypoints(crop, centers, scales, (192, 256))
    assert image.tolist() == [[[35, 40], [65, 80]]]


@KINDS
def test_flipped_joints_change_names_and_sides(kind):
    keypoints = kind(np.array([[[0.0, 5.0], [9.0, 6.0]]]))
    assert flip_keypoints(keypoints, [1, 0], 10).tolist() == [[[0, 6], [9, 5]]]


def test_sigmas_follow_the_number_of_joints():
    assert keypoint_sigmas(17)[0] == pytest.approx(0.026)
    assert keypoint_sigmas(41)[40] == pytest.approx(0.008)
    assert torch.equal(keypoint_sigmas(23)[:17], keypoint_sigmas(17))
    with pytest.raises(ValueError, match="14 keypoints"):
        keypoint_sigmas(14)
    with pytest.raises(ValueError, match="2 sigmas for 3"):
        keypoint_sigmas(3, [0.1, 0.2])


def test_every_segmentation_format_gives_the_same_mask():
    square = np.zeros((20, 30), bool)
    square[5:15, 10:20] = True
    rle = mask_to_rle(square)
    assert isinstance(rle["counts"], str)
    counts = [10 * 20 + 5]
    for _ in range(10):
        counts += [10, 10]
    counts[-1] = 5 + 10 * 20
    formats = {
        "compressed": rle,
        "bytes": {**rle, "counts": rle["counts"].encode()},
        "uncompressed": {"size": [20, 30], "counts": counts},
        "array": square.astype(np.uint8),
        "polygons": [[10, 5, 20, 5, 20, 15, 10, 15], [0, 0, 1, 1]],
    }
    for name, segmentation in formats.items():
        np.testing.assert_array_equal(segmentation_to_mask(segmentation, 20, 30), square, name)


@pytest.mark.parametrize("nothing", [None, [], [[1, 2, 3, 4]]], ids=["none", "empty", "a line"])
def test_no_segmentation_is_no_mask(nothing):
    assert segmentation_to_mask(nothing, 20, 30) is None


def test_a_mask_of_another_image_is_refused():
    with pytest.raises(ValueError, match="belong together"):
        segmentation_to_mask(mask_to_rle(np.zeros((4, 4), bool)), 20, 30)
    with pytest.raises(ValueError, match="polygons"):
        segmentation_to_mask("abc", 20, 30)


def test_merged_samples_hold_everybody():
    samples = []
    for i in range(2):
        sample = PoseDataSample(metainfo={"img_id": i})
        sample.pred_instances = InstanceData(keypoints=np.full((1, 3, 2), i))
        samples.append(sample)
    merged = merge_data_samples(samples)
    assert merged.img_id == 0
    assert merged.pred_instances.keypoints[:, 0, 0].tolist() == [0, 1]
    with pytest.raises(ValueError, match="nothing to merge"):
        merge_data_samples([])


def blob_sample(cell, **metainfo):
    """A map of 12 x 16 cells with a wide gaussian, on a window of 60 x 80 px."""
    ys, xs = np.mgrid[:16, :12]
    blob = np.exp(-((xs - cell[0]) ** 2 + (ys - cell[1]) ** 2) / 18).astype(np.float32)
    window = {"input_center": np.array([40, 50]), "input_scale": np.array([60, 80])}
    sample = PoseDataSample(metainfo=window | {"ori_shape": (100, 120)} | metainfo)
    sample.pred_instances = InstanceData(keypoints=np.zeros((1, 1, 2)))
    sample.pred_fields = PixelData(heatmaps=torch.from_numpy(blob)[None])
    return sample


def test_merged_heatmaps_are_the_highest_in_the_image():
    samples = [blob_sample((3, 4)), blob_sample((8, 10), input_center=np.array([80, 30]))]
    merged = merge_data_samples(samples).pred_fields.heatmaps
    # 5 px a cell: the middle of the window is that of the map, (6, 8)
    warped = []
    for sample, center in zip(samples, ((40, 50), (80, 30)), strict=True):
        matrix = np.array([[5, 0, center[0] - 30], [0, 5, center[1] - 40]], np.float32)
        blob = sample.pred_fields.heatmaps[0].numpy()
        warped.append(cv2.warpAffine(blob, matrix, (120, 100), flags=cv2.INTER_LINEAR))
    np.testing.assert_allclose(merged[0], np.maximum(*warped), atol=0.01)
    assert merged[0, 30, 25] == pytest.approx(1)  # cell (3, 4) lies at (40 - 15, 50 - 20)
    assert "pred_fields" not in merge_data_samples(samples, with_heatmaps=False)
    del samples[1].pred_fields
    assert "pred_fields" not in merge_data_samples(samples)


def test_opencv_is_of_the_version_whose_warp_is_matched():
    assert cv2.__version__.startswith("4.")


def test_run_lengths_are_read_as_pycocotools_writes_them():
    from pycocotools import mask as coco_mask

    from mmpose.structures.mask import rle_runs

    rng = np.random.default_rng(0)
    for share in (0.0, 0.02, 0.5, 0.98, 1.0):
        mask = rng.random((37, 53)) < share
        runs = rle_runs(mask_to_rle(mask)["counts"])
        size = {"size": [37, 53], "counts": runs.tolist()}
        assert coco_mask.frPyObjects(size, 37, 53)["counts"].decode() == mask_to_rle(mask)["counts"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[:-1], id="cut off"),
        pytest.param(lambda text: text[: len(text) // 2], id="cut in half"),
        pytest.param(lambda text: text + "1", id="too long"),
        pytest.param(lambda text: text.replace(text[0], "~", 1), id="another letter"),
        pytest.param(lambda text: "", id="empty"),
    ],
)
def test_damaged_run_lengths_are_refused_before_they_are_decoded(damage):
    square = np.zeros((20, 30), bool)
    square[5:15, 10:20] = True
    rle = mask_to_rle(square)
    with pytest.raises(ValueError, match="cut off or damaged"):
        segmentation_to_mask(rle | {"counts": damage(rle["counts"])}, 20, 30)
