"""Sheets of samples, truth beside prediction, for TensorBoard and the report of a run."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from mmengine.runner import Runner
from torch.utils.data import DataLoader

VIEW = (192, 256)  # px, width and height of each of the two views
CAPTION = 20  # px above them
GAP = 4  # px between tiles
FONT, FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.38
CHARACTER = 6.4  # px of that font, about
INK, PAPER = (235, 235, 235), 32
GROUP = "samples"
MARGIN = 0.2  # round what is shown, share of its longer side


class Frame(NamedTuple):
    """Where a part of an image lies in a view: pixels times ``scale`` plus ``offset``."""

    scale: float
    offset: np.ndarray  # (2,) px of the view

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) of the image, in the pixels of the view."""
        return points * self.scale + self.offset


def window_round(points: np.ndarray) -> np.ndarray:
    """A box (4,) xyxy with some margin round points (N, 2), N at least 1; at least 16 px wide."""
    low, high = points.min(0), points.max(0)
    margin = MARGIN * (high - low).max()
    grown = np.maximum((16 - (high - low)) / 2, margin)
    return np.concatenate([low - grown, high + grown])


def cut_view(
    image: np.ndarray, window: np.ndarray, size: tuple[int, int] = VIEW
) -> tuple[np.ndarray, Frame]:
    """A part of an image, fitted into a view of fixed size; grey where the image ends.

    Args:
        image: (H, W, 3) uint8.
        window: (4,) xyxy, image pixels.
        size: width and height of the view.

    Returns:
        The view (h, w, 3) uint8 and where it lies.
    """
    sides = np.maximum(window[2:] - window[:2], 1)
    scale = float((np.array(size) / sides).min())
    offset = np.array(size) / 2 - scale * (window[:2] + window[2:]) / 2
    matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
    view = cv2.warpAffine(
        *(np.ascontiguousarray(image), matrix, size),
        flags=cv2.INTER_LINEAR,
        borderValue=(PAPER, PAPER, PAPER),
    )
    return view, Frame(scale, offset)


def make_tile(views: np.ndarray, caption: str) -> np.ndarray:
    """Views (h, w, 3) uint8 with a line of text above; letters beyond ASCII become ``?``."""
    strip = np.full((CAPTION, views.shape[1], 3), PAPER, np.uint8)
    text = caption.encode("ascii", "replace").decode()[: int(views.shape[1] / CHARACTER)]
    cv2.putText(strip, text, (4, CAPTION - 6), FONT, FONT_SCALE, INK, 1, cv2.LINE_AA)
    return np.concatenate([strip, views])


def make_sheet(tiles: Sequence[np.ndarray], columns: int = 2) -> np.ndarray:
    """Tiles of one size in rows, (H, W, 3) uint8; at least one."""
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    columns = min(columns, len(tiles))
    shape = (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3)
    sheet = np.full(shape, PAPER, np.uint8)
    for place, tile in enumerate(tiles):
        y, x = (place // columns) * (height + GAP), (place % columns) * (width + GAP)
        sheet[y : y + height, x : x + width] = tile
    return sheet


def show_sheet(runner: Runner, name: str, tiles: Sequence[np.ndarray]) -> None:
    """Hand tiles (h, w, 3) RGB to the visualizer as one image of this step; none: nothing."""
    if not tiles:
        return
    # TensorBoard groups by the name before the slash; for files it is a folder, which mmengine
    # does not make, and OpenCV then writes nothing without a word
    Path(runner.log_dir, "vis_data", "vis_image", GROUP).mkdir(parents=True, exist_ok=True)
    runner.visualizer.add_image(f"{GROUP}/{name}", make_sheet(tiles), step=runner.iter)


def spread_evenly(count: int, length: int) -> list[int]:
    """At most ``count`` places of a list of that length, evenly spread, always the same."""
    count = min(count, length)
    return [(2 * i + 1) * length // (2 * count) for i in range(count)]


def fixed_batch(loader: DataLoader, count: int) -> dict:
    """The same few samples of a data set at each call, as a batch of its loader."""
    dataset = loader.dataset
    return loader.collate_fn([dataset[i] for i in spread_evenly(count, len(dataset))])


@contextmanager
def undisturbed_draws() -> Iterator[None]:
    """Put all random generators back afterwards: a run that is looked at stays the same run."""
    states = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
