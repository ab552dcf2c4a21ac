"""The visualizer that published configs and scripts name: poses of a data sample on its image."""

import os
from collections.abc import Sequence

import numpy as np
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer

from mmpose.datasets import parse_pose_metainfo
from mmpose.files import write_image
from mmpose.registry import VISUALIZERS

from .display import require_display
from .pose_style import Color, PoseStyle
from .sample_drawing import draw_sample


@VISUALIZERS.register_module()
class PoseLocalVisualizer(Visualizer):
    """mmengine's visualizer (scalars, config, TensorBoard) that also draws poses.

    Args:
        name: name of the instance in mmengine's manager.
        image: (H, W, 3) uint8 RGB, mmengine's order here.
        vis_backends: where images and scalars go.
        save_dir: folder of the backends.
        bbox_color: see :class:`mmpose.visualization.PoseStyle`, as all down to ``width``.
        kpt_color: of the joints.
        link_color: of the bones.
        text_color: of the numbers of joints.
        skeleton: which joints are linked.
        line_width: of bones and boxes, pixels.
        radius: of joints, pixels.
        show_keypoint_weight: joints are as opaque as their scores.
        alpha: how opaque the drawing is.
        width: of bones, relative to the person.
        backend: ``"opencv"``, which draws everything.

    Raises:
        ValueError: another backend, or what :class:`PoseStyle` refuses.
    """

    def __init__(
        self,
        name: str = "visualizer",
        image: np.ndarray | None = None,
        vis_backends: list[dict] | dict | None = None,
        save_dir: str | None = None,
        bbox_color: Color | None = None,
        kpt_color: Color | Sequence[Color] | None = None,
        link_color: Color | Sequence[Color] | None = None,
        text_color: Color = (255, 255, 255),
        skeleton: Sequence[Sequence[int]] | None = None,
        line_width: float | None = None,
        radius: float | None = None,
        show_keypoint_weight: bool = False,
        alpha: float = 1.0,
        *,
        width: float = 5.0,
        backend: str = "opencv",
    ) -> None:
        if backend != "opencv":
            raise ValueError(f"backend must be 'opencv', the only one that draws, got {backend!r}")
        self.style = PoseStyle(
            **{"radius": radius, "line_width": line_width, "alpha": alpha, "width": width},
            **{"kpt_color": kpt_color, "link_color": link_color, "text_color": text_color},
            **{"skeleton": skeleton, "show_keypoint_weight": show_keypoint_weight},
            **({} if bbox_color is None else {"bbox_color": bbox_color}),
        )
        super().__init__(name=name, image=image, vis_backends=vis_backends, save_dir=save_dir)

    def set_dataset_meta(self, dataset_meta: dict, skeleton_style: str = "mmpose") -> None:
        """Take the skeleton of a data set; colours and links given to the constructor stay.

        Args:
            dataset_meta: metainfo, parsed or as in the files of the data sets.
            skeleton_style: ``"mmpose"``.

        Raises:
            ValueError: another style, or incomplete metainfo.
        """
        check_skeleton_style(skeleton_style)
        self.dataset_meta = parse_pose_metainfo(dataset_meta)

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: BaseDataElement | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        draw_heatmap: bool = False,
        draw_bbox: bool = False,
        show_kpt_idx: bool = False,
        skeleton_style: str = "mmpose",
        show: bool = False,
        wait_time: float = 0,
        out_file: str | os.PathLike | None = None,
        kpt_thr: float = 0.3,
        step: int = 0,
    ) -> np.ndarray:
        """Draw true poses (left) and predicted ones (right) and hand them to the backends.

        Args:
            name: tag of the image, title of the window.
            image: (H, W, 3) uint8 RGB.
            data_sample: with ``gt_instances`` and/or ``pred_instances`` that have keypoints.
            draw_gt: whether the true poses are drawn.
            draw_pred: whether the predicted poses are drawn.
            draw_heatmap: see :func:`draw_sample`, as the next two.
            draw_bbox: whether boxes are drawn.
            show_kpt_idx: whether joints are numbered.
            skeleton_style: ``"mmpose"``.
            show: whether a window opens.
            wait_time: seconds that it stays open; 0: until a key is pressed.
            out_file: file for the image, in place of the backends.
            kpt_thr: joints with lower scores are drawn faint.
            step: training step.

        Returns:
            RGB uint8, what was handed over, sized as :func:`draw_sample` says.

        Raises:
            RuntimeError: a window is asked for and there is no display.
            ValueError: another skeleton style, or what :func:`draw_sample` refuses.
        """
        check_skeleton_style(skeleton_style)
        if show:
            require_display()
        drawn = draw_sample(
            **{"image": image, "data_sample": data_sample, "metainfo": self.dataset_meta},
            **{"draw_gt": draw_gt, "draw_pred": draw_pred, "draw_heatmap": draw_heatmap},
            **{"draw_bbox": draw_bbox, "show_kpt_idx": show_kpt_idx},
            **{"kpt_thr": kpt_thr, "style": self.style},
        )
        self.set_image(drawn)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is None:
            self.add_image(name, drawn, step)
        else:
            write_image(out_file, drawn[..., ::-1])
        return drawn


def check_skeleton_style(skeleton_style: str) -> None:
    """Refuse a style that is not drawn.

    Raises:
        ValueError: it is not ``"mmpose"``.
    """
    if skeleton_style != "mmpose":
        raise ValueError(
            f"skeleton_style must be 'mmpose', got {skeleton_style!r}: OpenPose's skeleton is not "
            "drawn; colours and links can be set by kpt_color, link_color and skeleton"
        )
