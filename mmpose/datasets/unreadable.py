"""What happens when a picture in the middle of a data set cannot be read."""

import logging
from collections.abc import Callable

import numpy as np
from mmengine.logging import print_log


class UnreadableImageError(ValueError):
    """A picture is missing, empty or damaged."""


def run_pipeline(
    pipeline: Callable[[dict], dict | None], sample: dict, *, test_mode: bool, num_before: int
) -> tuple[dict | None, bool]:
    """Send a sample through its transforms and survive an unreadable picture.

    In training the sample is dropped (the data set then draws another one). In a test every
    sample must arrive: the picture is taken as black and the sample is marked ``unreadable``, so
    that the metric counts the person as missed.

    Args:
        pipeline: the composed transforms.
        sample: one parsed annotation.
        test_mode: whether every sample must arrive.
        num_before: how many pictures were unreadable before, for the report.

    Returns:
        The packed sample or None, and whether its picture was unreadable.
    """
    try:
        return pipeline(sample), False
    except UnreadableImageError as error:
        consequence = "counted as missed" if test_mode else "left out of training"
        print_log(
            f"{error}; {consequence} (number {num_before + 1} in this process)",
            logger="current",
            level=logging.WARNING,
        )
    if not test_mode:
        return None, True
    blank = np.zeros((*_picture_shape(sample), 3), dtype=np.uint8)
    return pipeline({**sample, "img": blank, "unreadable": True}), True


def _picture_shape(sample: dict) -> tuple[int, int]:
    """(h, w) of a sample's picture; where the annotations do not tell, what its box needs."""
    if sample["ori_shape"] is not None:
        return sample["ori_shape"]
    right, bottom = np.ceil(sample["bbox"][0, 2:]).astype(int) + 1
    return max(int(bottom), 1), max(int(right), 1)
