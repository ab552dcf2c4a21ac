"""Drawings of people: overlays, the panel of one loop turn, the GIF of a whole run.

Images are (H, W, 3) uint8 BGR arrays. People are a record of :mod:`bmp.structures` or any result
with its fields as attributes, tensors or arrays. Files appear complete or not at all.
"""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from bmp.loop.masks import black_out
from mmpose.files import whole_file
from mmpose.visualization import draw_poses
from mmpose.visualization.overlays import tint_masks

GOLDEN_RATIO = 0.618033988749895
CAPTION_HEIGHT = 28  # px
CAPTION_FONT = cv2.FONT_HERSHEY_SIMPLEX
BORDER_COLOR = (48, 48, 48)
TEXT_COLOR = (255, 255, 255)
NUM_COLORS = 64  # of people that are followed through a video


def instance_colors(num_people: int) -> np.ndarray:
    """Distinct bright colours, (N, 3) uint8 BGR; the first ones do not depend on N.

    Hues step by the golden ratio, so that neighbours in the list lie far apart; saturation and
    brightness alternate. Linear in N.
    """
    index = np.arange(num_people)
    hue = (0.02 + index * GOLDEN_RATIO) % 1 * 180
    saturation = np.array([235, 150, 255])[index % 3]
    value = np.array([255, 255, 205])[index % 3]
    if num_people == 0:
        return np.zeros((0, 3), np.uint8)
    # One row a colour: OpenCV's vector code rounds the ends of long rows differently.
    hsv = np.stack([hue, saturation, value], axis=-1).astype(np.uint8)[:, None]
    return np.concatenate([cv2.cvtColor(pixel[None], cv2.COLOR_HSV2BGR)[0] for pixel in hsv])


def draw_people(
    image: np.ndarray,
    people: Any,
    *,
    masks: bool = True,
    boxes: bool = True,
    poses: bool = True,
    ids: bool = True,
    mask_weight: float = 0.45,
    score_thr: float = 0.3,
    pose_width: float = 5.0,
    colors: np.ndarray | None = None,
    numbers: Sequence[int | None] | None = None,
) -> np.ndarray:
    """Draw what is known of every person; fields that people lack are left out.

    Args:
        image: (H, W, 3) uint8 BGR.
        people: with some of ``masks`` (N, H, W), ``bboxes`` (N, 4), ``keypoints`` (N, 17, 2|3),
            ``keypoint_scores`` (N, 17), ``scores`` (N,).
        masks: whether areas are tinted and outlined.
        boxes: whether boxes are drawn.
        poses: whether skeletons are drawn.
        ids: whether the number of the person (from 1) is written at the box.
        mask_weight: share of the tint in what is seen of a mask.
        score_thr: joints with lower scores are drawn faint.
        pose_width: line width as in :func:`mmpose.visualization.draw_poses`.
        colors: (N, 3) BGR; None: :func:`instance_colors`.
        numbers: of the people, over the frames of a video, None for one without; they decide the
            colours too. None: counted from 1.

    Returns:
        (H, W, 3) uint8 BGR, a new array.
    """
    canvas = image.copy()
    bboxes = _field(people, "bboxes")
    num_people = 0 if bboxes is None else len(bboxes)
    if num_people == 0:
        return canvas
    if colors is None:
        colors = instance_colors(num_people) if numbers is None else _colors_of(numbers)
    colors = np.asarray(colors)
    all_masks, keypoints = _field(people, "masks"), _field(people, "keypoints")
    if masks and all_masks is not None:
        canvas = tint_masks(canvas, all_masks.astype(bool), colors, mask_weight)
    if boxes:
        _draw_boxes(canvas, bboxes, colors)
    if poses and keypoints is not None:
        if keypoints.shape[1] > 17:  # COCO's joints come first in the longer skeletons
            keypoints = keypoints[:, :17]
        scores = _field(people, "keypoint_scores")
        scores = None if scores is None else scores[:, :17]
        canvas = draw_poses(canvas, keypoints, scores, score_thr=score_thr, width=pose_width)
    if ids:
        _write_ids(canvas, bboxes, colors, numbers or range(1, num_people + 1))
    return canvas


def _field(people: Any, name: str) -> np.ndarray | None:
    value = getattr(people, name, None)
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    return None if value is None else np.asarray(value)


def _bgr(color: np.ndarray) -> tuple[int, int, int]:
    return tuple(int(c) for c in color)


def _corners(bbox: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    x1, y1, x2, y2 = np.round(np.clip(np.nan_to_num(bbox), -1e5, 1e5)).astype(int).tolist()
    return (x1, y1), (x2 - 1, y2 - 1)


def _draw_boxes(canvas: np.ndarray, bboxes: np.ndarray, colors: np.ndarray) -> None:
    thickness = max(round(max(canvas.shape[:2]) / 500), 1)
    for bbox, color in zip(bboxes, colors, strict=True):
        cv2.rectangle(canvas, *_corners(bbox), _bgr(color), thickness, cv2.LINE_AA)


def _colors_of(numbers: Sequence[int | None]) -> np.ndarray:
    """(N, 3) uint8 BGR; people of one number have one colour, those of none the last."""
    palette = instance_colors(NUM_COLORS)
    return palette[[-1 if number is None else number % (NUM_COLORS - 1) for number in numbers]]


def _write_ids(
    canvas: np.ndarray, bboxes: np.ndarray, colors: np.ndarray, numbers: Sequence[int | None]
) -> None:
    """Dark number on a patch of the person's colour, kept inside the image."""
    scale = max(max(canvas.shape[:2]) / 1400, 0.4)
    for n, bbox, color in zip(numbers, bboxes, colors, strict=True):
        if n is None:
            continue
        (width, height), _ = cv2.getTextSize(str(n), CAPTION_FONT, scale, 1)
        (x, y), _ = _corners(bbox)
        x = int(np.clip(x, 0, max(canvas.shape[1] - width - 4, 0)))
        y = int(np.clip(y, 0, max(canvas.shape[0] - height - 4, 0)))
        cv2.rectangle(canvas, (x, y), (x + width + 3, y + height + 3), _bgr(color), cv2.FILLED)
        cv2.putText(
            canvas, str(n), (x + 2, y + height + 1), CAPTION_FONT, scale, (0, 0, 0), 1, cv2.LINE_AA
        )


def caption(image: np.ndarray, text: str) -> np.ndarray:
    """The image below a dark strip with the text, (H + 28, W, 3); too long a text is shrunk."""
    strip = np.full((CAPTION_HEIGHT, image.shape[1], 3), BORDER_COLOR, np.uint8)
    scale = 0.55
    (width, _), _ = cv2.getTextSize(text, CAPTION_FONT, scale, 1)
    scale *= min(1, (image.shape[1] - 12) / max(width, 1))
    cv2.putText(strip, text, (4, 19), CAPTION_FONT, scale, TEXT_COLOR, 1, cv2.LINE_AA)
    return np.concatenate([strip, image])


def panel(rows: Sequence[Sequence[tuple[str, np.ndarray]]], *, tile_width: int = 480) -> np.ndarray:
    """Captioned images in rows, one row per turn (see :func:`loop_pictures`).

    Args:
        rows: lists of (caption, (H, W, 3) uint8 BGR); images of one size, rows of any length.
        tile_width: width of each image in the panel, px.

    Returns:
        (height, width, 3) uint8 BGR; missing tiles are dark.

    Raises:
        ValueError: there is nothing to show.
    """
    tiles = [[caption(fit_width(image, tile_width), text) for text, image in row] for row in rows]
    if not any(tiles):
        raise ValueError("a panel needs at least one image")
    num_columns = max(len(row) for row in tiles)
    lines = []
    for row in tiles:
        height = max((tile.shape[0] for tile in row), default=0)
        line = np.full((height, num_columns * tile_width, 3), BORDER_COLOR, np.uint8)
        for n, tile in enumerate(row):
            line[: tile.shape[0], n * tile_width : (n + 1) * tile_width] = tile
        lines.append(line)
    return np.concatenate(lines)


def loop_pictures(image: np.ndarray, result: Any) -> list[list[tuple[str, np.ndarray]]]:
    """What each turn of the loop saw and did, for :func:`panel`.

    Args:
        image: (H, W, 3) uint8 BGR.
        result: a :class:`bmp.loop.LoopResult` or :class:`bmp.results.BMPResult` that kept
            what every turn did (``intermediates``, ``turns``).

    Returns:
        One row per turn: the detector's input, its detections, their poses, the refined masks of
        those who were new with the joints shown to the segmenter; each with its caption.
    """
    rows = []
    for number, turn in enumerate(result.intermediates, start=1):
        known = result.turns[turn.iteration - 1].masks if turn.iteration else None
        seen = image if known is None else black_out(image, known)
        detected, new = len(turn.detections.bboxes), len(turn.refined.bboxes)
        rows.append(
            [
                (f"turn {number}: what the detector sees", seen),
                (f"turn {number}: {detected} detected", draw_people(image, turn.detections)),
                (
                    f"turn {number}: their poses",
                    draw_people(image, turn.poses, masks=False, boxes=False, pose_width=8),
                ),
                (
                    f"turn {number}: {new} new, masks refined",
                    _mark_prompts(draw_people(image, turn.refined, poses=False), turn.prompts),
                ),
            ]
        )
    return rows


def _mark_prompts(image: np.ndarray, prompts: Any) -> np.ndarray:
    """Crosses at the joints shown to the segmenter: white inside the person, black outside."""
    size = max(max(image.shape[:2]) // 60, 5)
    for points, labels in zip(prompts.point_coords, prompts.point_labels, strict=True):
        for (x, y), label in zip(points.tolist(), labels.tolist(), strict=True):
            if label not in (0, 1):
                continue
            center = (round(x), round(y))
            inner = (255, 255, 255) if label else (0, 0, 0)
            outer = (0, 0, 0) if label else (255, 255, 255)
            for color, thickness in ((outer, 3), (inner, 1)):
                cv2.drawMarker(image, center, color, cv2.MARKER_CROSS, size, thickness)
    return image


def fit_width(image: np.ndarray, width: int) -> np.ndarray:
    """The image resized to a width in px, its shape kept, at least one row."""
    height = max(round(image.shape[0] * width / image.shape[1]), 1)
    shrinks = width < image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=how)


def write_gif(path: str | os.PathLike, frames: Sequence[np.ndarray], duration: float = 1.2) -> Path:
    """Write an endless GIF through Pillow.

    Args:
        path: the file; its folder is made.
        frames: (H, W, 3) uint8 BGR; sizes may differ, smaller ones are padded.
        duration: seconds per frame.

    Raises:
        ValueError: no frames.
        OSError: the file cannot be written.
    """
    if not frames:
        raise ValueError("a GIF needs at least one frame")
    height, width = (max(frame.shape[axis] for frame in frames) for axis in (0, 1))
    images = []
    for frame in frames:
        canvas = np.full((height, width, 3), BORDER_COLOR, np.uint8)
        canvas[: frame.shape[0], : frame.shape[1]] = frame
        rgb = Image.fromarray(np.ascontiguousarray(canvas[..., ::-1]))
        # the octree's colours assigned anew: median cut is no better and 30 times slower
        palette = rgb.quantize(256, method=Image.Quantize.FASTOCTREE)
        images.append(rgb.quantize(palette=palette, dither=Image.Dither.NONE))
    encoded = io.BytesIO()
    milliseconds = round(duration * 1000)
    images[0].save(
        encoded,
        "GIF",
        save_all=True,
        append_images=images[1:],
        duration=milliseconds,
        loop=0,
        disposal=1,
    )
    with whole_file(path) as partial:
        partial.write_bytes(encoded.getvalue())
    return Path(path)
