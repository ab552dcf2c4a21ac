"""How poses are drawn where the settings of MMPose's visualizer ask for something else."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb

from .pose_drawing import Skeleton

Color = str | Sequence[int]


@dataclass(frozen=True)
class PoseStyle:
    """Settings of a drawing; colours are names that matplotlib knows or (R, G, B) of 0 to 255.

    Attributes:
        radius: of the discs that are drawn for joints, pixels; None: markers that grow with the
            person, of another shape for each kind of joint.
        line_width: of bones and boxes, pixels; None: it grows with the person.
        alpha: how opaque the drawing is, in (0, 1].
        kpt_color: of all joints, or one for each of the K; None: those of the skeleton.
        link_color: of all bones, or one for each; None: those of the skeleton.
        bbox_color: of boxes.
        text_color: of the joints' numbers.
        skeleton: pairs of joints to be linked; None: those of the data set.
        show_keypoint_weight: joints are as opaque as their scores.
        width: see :func:`mmpose.visualization.draw_poses`; ``line_width`` takes its place.

    Raises:
        ValueError: a number is out of range, or a colour is none.
    """

    radius: float | None = None
    line_width: float | None = None
    alpha: float = 1.0
    kpt_color: Color | Sequence[Color] | None = None
    link_color: Color | Sequence[Color] | None = None
    bbox_color: Color = "lime"
    text_color: Color = (255, 255, 255)
    skeleton: Sequence[Sequence[int]] | None = None
    show_keypoint_weight: bool = False
    width: float = 5.0

    def __post_init__(self) -> None:
        for name in ("radius", "line_width"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} is a number of pixels, above 0, got {value}")
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha is how opaque the drawing is, above 0 up to 1: {self.alpha}")
        for name in ("bbox_color", "text_color"):
            read_color(getattr(self, name), name)
        for name in ("kpt_color", "link_color"):
            colors = getattr(self, name)
            if colors is not None:
                read_colors(colors, 1 if _is_one(colors) else len(colors), name)

    def applied_to(self, skeleton: Skeleton) -> Skeleton:
        """The skeleton in these colours and with these links.

        Raises:
            ValueError: a link names no joint of it, or colours are not one per joint or link.
        """
        markers, bones = list(skeleton.markers), list(skeleton.bones)
        if self.skeleton is not None:
            bones = [(*link, markers[link[0]][1]) for link in _read_links(self, len(markers))]
        if self.kpt_color is not None:
            colors = read_colors(self.kpt_color, len(markers), "kpt_color")
            markers = [(shape, c) for (shape, _), c in zip(markers, colors, strict=True)]
        if self.link_color is not None:
            colors = read_colors(self.link_color, len(bones), "link_color")
            bones = [(start, end, c) for (start, end, _), c in zip(bones, colors, strict=True)]
        return Skeleton(markers, bones)


def read_color(color: Color, name: str = "color") -> tuple[int, int, int]:
    """A colour as (B, G, R) of 0 to 255.

    Raises:
        ValueError: neither a name that matplotlib knows nor three numbers of 0 to 255.
    """
    try:
        rgb = [round(255 * c) for c in to_rgb(color)] if isinstance(color, str) else list(color)
    except (TypeError, ValueError):
        rgb = []
    if len(rgb) != 3 or not all(isinstance(c, int | np.integer) and 0 <= c <= 255 for c in rgb):
        raise ValueError(
            f"{name} must be a name such as 'red' or '#ff0000', or (R, G, B) of 0 to 255, got "
            f"{color!r}"
        )
    return tuple(int(c) for c in rgb[::-1])


def read_colors(
    colors: Color | Sequence[Color], count: int, name: str
) -> list[tuple[int, int, int]]:
    """One colour for all, or one for each, as ``count`` of (B, G, R).

    Raises:
        ValueError: there are as many as asked for neither way.
    """
    if _is_one(colors):
        return [read_color(colors, name)] * count
    if len(colors) != count:
        raise ValueError(f"{name} must be one colour or {count}, got {len(colors)}")
    return [read_color(color, name) for color in colors]


def _is_one(colors: Color | Sequence[Color]) -> bool:
    return isinstance(colors, str) or all(isinstance(c, int | float | np.number) for c in colors)


def _read_links(style: PoseStyle, num_keypoints: int) -> list[tuple[int, int]]:
    links = [tuple(int(joint) for joint in link) for link in style.skeleton]
    if any(len(link) != 2 or not all(0 <= j < num_keypoints for j in link) for link in links):
        raise ValueError(
            f"skeleton must be pairs of joints from 0 to {num_keypoints - 1}, got {links}"
        )
    return links
