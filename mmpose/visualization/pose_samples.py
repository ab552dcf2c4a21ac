"""How well single people are posed, and a tile of each: truth on the left, prediction right."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor

from mmpose.inputs import UnreadableImageError, read_image
from mmpose.models.data_preprocessor import PoseDataPreprocessor
from mmpose.structures import PoseDataSample
from mmpose.structures.keypoint import joint_similarity

from .pose_style import PoseStyle
from .sample_drawing import draw_sample
from .sample_sheets import cut_view, make_tile, window_round

META_KEYS = ("id", "img_id", "img_path", "dataset_name", "dataset_index")


class PersonNumbers(NamedTuple):
    """How well a person is posed.

    Attributes:
        offset: sum over the labelled joints of the distance to the truth, image pixels.
        joints: how many are labelled, at least 1.
        oks: object keypoint similarity, in [0, 1].
    """

    offset: float
    joints: int
    oks: float

    def told(self) -> str:
        """For a caption."""
        return f"OKS {self.oks:.2f}  {self.offset / self.joints:.0f} px"


def measure_person(sample: PoseDataSample, sigmas: Sequence[float]) -> PersonNumbers | None:
    """Compare a predicted pose with the truth.

    Args:
        sample: of one person, with ``pred_instances``; ``area`` (px²) in its metainfo.
        sigmas: of the data set's joints, (K,).

    Returns:
        None where nothing can be compared: no joint is labelled, as of detections, there is no
        area, other joints are predicted than annotated, or the image was unreadable.
    """
    info, truth = sample.metainfo, sample.gt_instances
    if info.get("unreadable", False) or "area" not in info:
        return None
    pred, gt = (
        torch.as_tensor(one.keypoints, dtype=torch.float64).cpu().numpy()[0]
        for one in (sample.pred_instances, truth)
    )
    if pred.shape != gt.shape or len(sigmas) < len(gt):
        return None
    labelled = labelled_joints(truth)
    if not labelled.any():
        return None
    off = np.linalg.norm(pred - gt, axis=-1)[labelled]
    area = float(np.ravel(info["area"])[0])
    similar = joint_similarity(off**2, area, np.asarray(sigmas, np.float64)[: len(gt)][labelled])
    return PersonNumbers(float(off.sum()), int(labelled.sum()), float(similar.mean()))


def labelled_joints(truth: InstanceData) -> np.ndarray:
    """Which joints of the one annotated person are labelled, (K,) bool."""
    visible = torch.as_tensor(truth.keypoints_visible).cpu().numpy()[0]
    visible = visible[..., 0] if visible.ndim == 2 else visible  # (visible, weight) of some sets
    return (visible > 0) & (np.asarray(truth.keypoints)[0] != 0).any(-1)


def slim_sample(sample: PoseDataSample) -> PoseDataSample:
    """What of a sample is drawn, small enough to be kept and sent between processes."""
    info = sample.metainfo
    slim = PoseDataSample(metainfo={key: info[key] for key in META_KEYS if key in info})
    for part in ("gt_instances", "pred_instances"):
        old = getattr(sample, part)
        names = ("keypoints", "keypoints_visible", "keypoint_scores", "bboxes")
        fields = {n: torch.as_tensor(old[n]).cpu().numpy().copy() for n in names if n in old}
        if part == "pred_instances":  # visibility that is predicted is not drawn
            fields.pop("keypoints_visible", None)
        setattr(slim, part, InstanceData(**fields))
    return slim


def person_tile(
    sample: PoseDataSample, metainfo: dict, note: str, *, kpt_thr: float, style: PoseStyle
) -> np.ndarray | None:
    """A person in its image.

    Args:
        sample: with ``img_path``.
        metainfo: of its skeleton.
        note: put before the name of the image.
        kpt_thr: joints with lower scores are drawn faint.
        style: colours and sizes.

    Returns:
        (h, w, 3) uint8 RGB; None where the image cannot be read.
    """
    path = sample.metainfo["img_path"]
    try:
        image = read_image(path)[..., ::-1]
    except (UnreadableImageError, OSError):
        return None
    truth = sample.gt_instances
    shown = [np.asarray(truth.keypoints)[0][labelled_joints(truth)]]
    if "bboxes" in truth:
        shown.append(np.reshape(truth.bboxes[:1], (-1, 2)))
    points = np.concatenate(shown)
    points = points[np.isfinite(points).all(-1)]
    if not len(points):
        points = np.array([[0, 0], image.shape[1::-1]])
    name = f"{str(path).rsplit('/', 1)[-1]} #{sample.metainfo.get('id', '')}"
    window = window_round(points)
    return _tile(image, window, sample, metainfo, f"{note}  {name}", kpt_thr, style)


def crop_tile(
    crop: np.ndarray,
    sample: PoseDataSample,
    metainfo: dict,
    note: str,
    *,
    kpt_thr: float,
    style: PoseStyle,
) -> np.ndarray:
    """A crop as the network sees it.

    Args:
        crop: (H, W, 3) uint8 RGB.
        sample: with joints in the pixels of the crop.
        metainfo: of its skeleton.
        note: put before the name of the image.
        kpt_thr: joints with lower scores are drawn faint.
        style: colours and sizes.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    window = np.array([0, 0, *crop.shape[1::-1]], np.float64)
    name = str(sample.metainfo.get("img_path", "")).rsplit("/", 1)[-1]
    return _tile(crop, window, sample, metainfo, f"{note}  {name}", kpt_thr, style)


def _tile(
    image: np.ndarray,
    window: np.ndarray,
    sample: PoseDataSample,
    metainfo: dict,
    caption: str,
    kpt_thr: float,
    style: PoseStyle,
) -> np.ndarray:
    view, frame = cut_view(image, window)
    placed = PoseDataSample(metainfo=sample.metainfo)
    for part in ("gt_instances", "pred_instances"):
        people = getattr(sample, part).clone()
        # far beyond the view nothing is seen, and OpenCV's coordinates overflow
        joints = frame.place(np.nan_to_num(np.asarray(people.keypoints, np.float64), nan=-1e4))
        people.keypoints = joints.clip(-1e4, 1e4)
        setattr(placed, part, people)
    views = draw_sample(view, placed, metainfo, kpt_thr=kpt_thr, style=style)
    return make_tile(views, caption)


def restore_crop(inputs: Tensor, preprocessor: PoseDataPreprocessor) -> np.ndarray:
    """The crop that a network's input was made of.

    Args:
        inputs: (3, H, W), normalised.
        preprocessor: that normalised it.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    levels = inputs.float() * preprocessor.std + preprocessor.mean
    crop = levels.round().clamp(0, 255).byte().cpu().numpy().transpose(1, 2, 0)
    return crop if preprocessor.turns_channels else crop[..., ::-1]  # images are read as BGR


def sample_in_crop(sample: PoseDataSample, crop_size: tuple[int, int]) -> PoseDataSample:
    """A training sample whose window is its crop, so that its pose is predicted in the crop.

    Args:
        sample: with targets; its joints in the image may lie in a rotated window.
        crop_size: width and height, pixels.

    Returns:
        A copy; truth in crop pixels, from ``transformed_keypoints``, else the peaks of the maps
        that are learned.
    """
    size = np.array(crop_size, np.float32)
    copied = sample.clone()
    copied.set_metainfo({"input_center": size / 2, "input_scale": size, "input_size": crop_size})
    truth = sample.gt_instances
    weights = torch.as_tensor(sample.gt_instance_labels.keypoint_weights).float().cpu().numpy()
    is_taught = weights.reshape(1, -1) > 0  # (1, K)
    if "transformed_keypoints" in truth:
        joints = np.asarray(truth.transformed_keypoints, np.float32)
    else:
        maps = torch.as_tensor(sample.gt_fields.heatmaps).float().cpu().numpy()
        maps = maps[:: max(len(maps) // is_taught.shape[1], 1)]  # of combined ones the discs
        joints, has_peak = _peaks(maps, crop_size)
        # of a joint beyond the crop a map of similarity still has a highest cell, at its rim
        inside = np.asarray(truth.get("in_image", True)).reshape(1, -1)
        is_taught = is_taught & has_peak & inside
    copied.gt_instances = InstanceData(
        keypoints=joints, keypoints_visible=is_taught.astype(np.float32)
    )
    return copied


def _peaks(maps: np.ndarray, crop_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Highest cells of maps (K, h, w) in crop pixels, (1, K, 2), and which exist, (1, K)."""
    height, width = maps.shape[1:]
    flat = maps.reshape(len(maps), -1)
    rows, columns = np.divmod(flat.argmax(1), width)
    cells = np.stack([columns, rows], -1) / [max(width - 1, 1), max(height - 1, 1)]
    joints = cells * (np.array(crop_size) - 1)
    return joints[None].astype(np.float32), (flat.max(1) > 0)[None]
