"""Later turns of detectors that know an evaluation's people from a file."""

from collections.abc import Sequence

import numpy as np

from bmp.interfaces import Detector
from bmp.structures import People


def detect_later(
    later: Detector | None, images: Sequence[np.ndarray], file_name: str
) -> list[People]:
    """More people in images with those of the file blacked out.

    Args:
        later: looks for them.
        images: (H, W, 3) uint8 BGR each.
        file_name: whose people the first turn had.

    Raises:
        ValueError: there is no ``later``.
    """
    if later is None:
        raise ValueError(
            f"{file_name} knows images by their id, so it gives people to the first turn of an "
            "evaluation alone: set loop.num_iters=1, or give the config of a detector for later "
            "turns as detector.later"
        )
    return later.detect(images)
