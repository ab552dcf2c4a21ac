"""MMPose's inferencer: images in, dicts with poses and drawings out."""

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer
from torch import nn
from tqdm import tqdm

from mmpose.files import write_image, write_json
from mmpose.inputs import read_box_numbers, read_image
from mmpose.structures import PoseDataSample, merge_data_samples, split_instances
from mmpose.visualization import PoseStyle, draw_sample
from mmpose.visualization.display import require_display
from mmpose.visualization.visualizer import check_skeleton_style

from .found_people import Finder, find_people, make_finder
from .inference import inference_topdown
from .model import init_model

FILMS = (".avi", ".mkv", ".mov", ".mp4", ".webm")
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# options of MMPose's call for what is not here -> the values at which they ask for nothing
NOT_HERE = {
    **{"use_oks_tracking": False, "pose_based_nms": False, "black_background": False},
    **{"disable_norm_pose_2d": False, "disable_rebase_keypoint": False},
}
OF_NO_USE = ("tracking_thr", "num_instances")  # of tracking and 3D alone


@dataclass(frozen=True)
class Output:
    """What becomes of poses.

    Attributes:
        return_datasamples: the answer holds samples, not dicts.
        return_vis: it holds drawings.
        show: drawings are shown.
        wait_time: seconds.
        vis_folder: where drawings are written, or None.
        pred_folder: where poses are, or None.
        drawing: arguments of :func:`mmpose.visualization.draw_sample`.
    """

    return_datasamples: bool
    return_vis: bool
    show: bool
    wait_time: float
    vis_folder: Path | None
    pred_folder: Path | None
    drawing: dict[str, Any]

    def add(
        self, answer: dict, name: str, image: np.ndarray, sample: PoseDataSample, metainfo: dict
    ) -> None:
        """Put the poses of an image, (H, W, 3) uint8 BGR, into the answer and into files."""
        people = split_instances(sample.get("pred_instances"))
        answer["predictions"].append(sample if self.return_datasamples else people)
        if self.pred_folder is not None:
            write_json(self.pred_folder / f"{name}.json", people)
        if not (self.return_vis or self.show or self.vis_folder is not None):
            return
        drawn = draw_sample(image[..., ::-1], sample, metainfo, draw_gt=False, **self.drawing)
        if self.return_vis:
            answer["visualization"].append(drawn)
        if self.show:
            Visualizer.get_instance("inferencer").show(
                drawn, win_name=name, wait_time=self.wait_time
            )
        if self.vis_folder is not None:
            # drawings are RGB, as MMPose answers; files are written from BGR
            write_image(self.vis_folder / f"{name}.jpg", drawn[..., ::-1])


class MMPoseInferencer:
    """2D poses of the people of images, with MMPose's arguments and answers.

    Args:
        pose2d: a config, by its path or loaded, or a model of :func:`mmpose.apis.init_model`.
        pose2d_weights: a checkpoint; None leaves a config's model random, which is warned of.
        pose3d: not here.
        pose3d_weights: not here.
        device: where models go; None: the first GPU, else the CPU.
        scope: ``"mmpose"`` or None.
        det_model: who finds people: an object with ``detect(images)``, such as those of
            ``bmp.detectors``; or an mmdet config, by path or by the name of one of ours, for
            which ``bmp`` and mmdet must be installed. None or ``"whole_image"``: boxes come with
            the call, or the whole image is taken for one person.
        det_weights: checkpoint of a detector that is given by its config.
        det_cat_ids: class index of people, a number or a list of one; None: 0.
        show_progress: whether a bar counts images.

    Raises:
        ValueError: no pose model is given, or something that is not here.
    """

    def __init__(
        self,
        pose2d: str | os.PathLike | Config | nn.Module | None = None,
        pose2d_weights: str | os.PathLike | None = None,
        pose3d: Any = None,
        pose3d_weights: Any = None,
        device: str | torch.device | None = None,
        scope: str | None = "mmpose",
        det_model: Finder | str | os.PathLike | None = None,
        det_weights: str | os.PathLike | None = None,
        det_cat_ids: int | Sequence[int] | None = None,
        show_progress: bool = False,
    ) -> None:
        if pose3d is not None or pose3d_weights is not None:
            raise ValueError("3D poses are not part of this project; give pose2d alone")
        if scope not in ("mmpose", None):
            raise ValueError(f"scope must be 'mmpose', got {scope!r}")
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.model = _read_model(pose2d, pose2d_weights, device)
        self.finder = make_finder(det_model, det_weights, det_cat_ids, device)
        self.show_progress = show_progress

    def __call__(
        self,
        inputs: str | os.PathLike | np.ndarray | Sequence,
        return_datasamples: bool = False,
        batch_size: int = 1,
        out_dir: str | os.PathLike | None = None,
        *,
        bboxes: Any = None,
        bbox_thr: float = 0.3,
        nms_thr: float = 0.3,
        return_vis: bool = False,
        show: bool = False,
        wait_time: float = 0,
        draw_bbox: bool = False,
        draw_heatmap: bool = False,
        radius: float | None = None,
        thickness: float | None = None,
        kpt_thr: float = 0.3,
        skeleton_style: str = "mmpose",
        vis_out_dir: str | os.PathLike | None = None,
        pred_out_dir: str | os.PathLike | None = None,
        **others: Any,
    ) -> Iterator[dict[str, list]]:
        """Poses of the people of images, batch by batch.

        Args:
            inputs: an image, by its path or as (H, W, 3) uint8 BGR, a folder of them, or a list.
            return_datasamples: predictions are `PoseDataSample`, one per image, not dicts.
            batch_size: images in one dict of the answer.
            out_dir: folder for drawings (``visualizations``) and poses (``predictions``).
            bboxes: (N, 4) xyxy of the people of the only image, or a list of one such per image.
            bbox_thr: of found people those with a higher score are posed.
            nms_thr: of two found people whose boxes overlap more, the better one is.
            return_vis: whether drawings are in the answer.
            show: whether they are shown in a window.
            wait_time: seconds that it stays open; 0: until a key is pressed.
            draw_bbox: whether boxes are drawn.
            draw_heatmap: put the heatmaps below the drawing.
            radius: of joints, pixels; None: markers that grow with the person.
            thickness: of lines, pixels; None: it grows with the person.
            kpt_thr: joints with lower scores are drawn faint.
            skeleton_style: ``"mmpose"``.
            vis_out_dir: folder for drawings, before that of ``out_dir``.
            pred_out_dir: folder for poses as JSON, likewise.
            others: options of what is not here; taken where they ask for nothing.

        Returns:
            A generator of dicts: ``predictions``, for each image a list of what
            :func:`mmpose.structures.split_instances` gives, empty where nobody was found; and
            ``visualization``, for each image a drawing (H, W, 3) uint8 RGB, or an empty list.

        Raises:
            RuntimeError: a window is asked for and there is no display.
            TypeError: an unknown option.
            ValueError: something that is not here, or inputs and boxes that do not fit.
        """
        _refuse_others(others)
        check_skeleton_style(skeleton_style)
        if batch_size < 1:
            raise ValueError(f"batch_size is a number of images, at least 1, got {batch_size}")
        if show:
            # now: a window that cannot open should not end the run after its first image
            require_display()
        out = Output(
            *(return_datasamples, return_vis, show, wait_time),
            _folder(vis_out_dir, out_dir, "visualizations"),
            _folder(pred_out_dir, out_dir, "predictions"),
            {"draw_bbox": draw_bbox, "draw_heatmap": draw_heatmap, "kpt_thr": kpt_thr}
            | {"style": PoseStyle(radius=radius, line_width=thickness)},
        )
        images = list_images(inputs)
        given = _boxes_of_each(bboxes, len(images))
        # no generator itself: what is refused is refused at the call, not at the first answer
        return self._answer(images, given, batch_size, (bbox_thr, nms_thr), out)

    def _answer(
        self,
        images: list[str | np.ndarray],
        given: list,
        batch_size: int,
        thresholds: tuple[float, float],
        out: Output,
    ) -> Iterator[dict[str, list]]:
        names = _names(images)
        order = tqdm(range(len(images)), disable=not self.show_progress)
        answer = {"predictions": [], "visualization": []}
        for index in order:
            image = read_image(images[index])
            people = find_people(self.finder, image, given[index], *thresholds)
            sample = self._pose(image, people, out.drawing["draw_heatmap"])
            out.add(answer, names[index], image, sample, self.model.dataset_meta)
            if len(answer["predictions"]) == batch_size or index == len(images) - 1:
                yield answer
                answer = {"predictions": [], "visualization": []}

    def _pose(
        self, image: np.ndarray, people: InstanceData, wants_heatmaps: bool
    ) -> PoseDataSample:
        """All people of an image in one sample."""
        test_cfg = self.model.test_cfg
        # inference_topdown goes by test_cfg; the model is the caller's and gets its own back
        self.model.test_cfg = {**test_cfg, "output_heatmaps": wants_heatmaps}
        # a model without MaskBackground would have them checked and moved for nothing
        masks = people.get("masks") if self.model.crop_settings.mask_alpha else None
        try:
            samples = inference_topdown(self.model, image, people.bboxes, masks)
        finally:
            self.model.test_cfg = test_cfg
        if not samples:
            return PoseDataSample()
        # to inference_topdown all boxes are given ones, of score 1
        for sample, score in zip(samples, people.bbox_scores, strict=True):
            sample.pred_instances.bbox_scores = np.array([score], np.float32)
        return merge_data_samples(samples)


def list_images(
    inputs: str | os.PathLike | np.ndarray | Sequence,
) -> list[str | np.ndarray]:
    """Paths and arrays of all images of what an inferencer is given, folders opened.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: a film, a camera, an address or a folder without images.
    """
    if isinstance(inputs, np.ndarray):
        return [inputs]
    if not isinstance(inputs, str | os.PathLike):
        return [image for one in inputs for image in list_images(one)]
    path = os.fspath(inputs)
    if path.startswith("webcam") or "://" in path or path.lower().endswith(FILMS):
        raise ValueError(
            f"inputs are images, folders or arrays, got {path!r}; hand a film or camera over "
            "image by image (cv2.VideoCapture), a file from the web as a download"
        )
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no image or folder {path!r}")
    if not os.path.isdir(path):
        return [path]
    # iterdir gives files in any order, which the answers would follow
    found = sorted(str(p) for p in Path(path).iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise ValueError(f"the folder {path!r} has no images ({', '.join(IMAGE_SUFFIXES)})")
    return found


def _names(images: list[str | np.ndarray]) -> list[str]:
    """One name for the files of each image: its own, with its number where others share it."""
    numbers = [f"{index:08d}" for index in range(len(images))]
    stems = ["" if isinstance(one, np.ndarray) else Path(one).stem for one in images]
    return [
        stem if stem and stems.count(stem) == 1 else "_".join(filter(None, (stem, number)))
        for stem, number in zip(stems, numbers, strict=True)
    ]


def _read_model(
    pose2d: Any, weights: str | os.PathLike | None, device: str | torch.device
) -> nn.Module:
    if isinstance(pose2d, nn.Module):
        if weights is not None:
            raise ValueError("pose2d is a model already; pose2d_weights belong to a config")
        return pose2d.to(device)
    is_config = isinstance(pose2d, Config | os.PathLike) or str(pose2d).endswith(".py")
    if not is_config:
        raise ValueError(
            f"pose2d must be the path of a config (.py), a config or a model, got {pose2d!r}; "
            "MMPose's short names and their downloads are not part of this project"
        )
    if weights is None:
        warnings.warn("pose2d_weights is None: the pose model's weights are random", stacklevel=3)
    return init_model(pose2d, weights, device)


def _refuse_others(others: dict[str, Any]) -> None:
    unknown = sorted(set(others) - set(NOT_HERE) - set(OF_NO_USE))
    if unknown:
        raise TypeError(f"MMPoseInferencer has no options {unknown}")
    asked = [name for name, neutral in NOT_HERE.items() if others.get(name, neutral) != neutral]
    if asked:
        raise ValueError(
            f"{asked} are not part of this project: tracking, suppression by pose, black "
            "backgrounds and 3D; leave them out"
        )


def _folder(
    own: str | os.PathLike | None, out_dir: str | os.PathLike | None, name: str
) -> Path | None:
    if own:
        return Path(own)
    return Path(out_dir, name) if out_dir else None


def _boxes_of_each(bboxes: Any, count: int) -> list:
    """The given boxes of each of ``count`` images, or None."""
    if bboxes is None:
        return [None] * count
    if count == 1 and np.ndim(bboxes[0] if len(bboxes) else 0.0) < 2:
        bboxes = [bboxes]
    if len(bboxes) != count:
        raise ValueError(f"bboxes must be one (N, 4) per image: {count}, got {len(bboxes)}")
    return [read_box_numbers(boxes) for boxes in bboxes]
