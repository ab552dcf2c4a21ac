"""What happens when an image in the middle of a data set cannot be read."""

import logging
from collections.abc import Callable
from typing import Protocol

import numpy as np
from mmengine.logging import print_log

from mmpose.inputs import UnreadableImageError

MAX_TOLD = 20  # a whole folder that is gone would fill the log


class PoseSamples(Protocol):
    """What :func:`run_pipeline` needs of a data set."""

    pipeline: Callable[[dict], dict | None]
    test_mode: bool
    num_unreadable: int


def run_pipeline(dataset: PoseSamples, sample: dict) -> dict | None:
    """Send a sample through its data set's transforms and survive an unreadable image.

    In training the sample is dropped (the data set then draws another one). In a test every
    sample must arrive: the image is taken as black and the sample is marked ``unreadable``, so
    that the metric counts the person as missed. The data set counts such images.

    Args:
        dataset: whose transforms and count are used.
        sample: one parsed annotation.

    Returns:
        The packed sample or None.
    """
    try:
        return dataset.pipeline(sample)
    except UnreadableImageError as error:
        dataset.num_unreadable += 1
        consequence = "counted as missed" if dataset.test_mode else "left out of training"
        if dataset.num_unreadable <= MAX_TOLD:
            more = "; further ones are counted alone" if dataset.num_unreadable == MAX_TOLD else ""
            print_log(
                f"{error}; {consequence} (number {dataset.num_unreadable} in this process{more})",
                logger="current",
                level=logging.WARNING,
            )
    if not dataset.test_mode:
        return None
    blank = np.zeros((*_image_shape(sample), 3), dtype=np.uint8)
    return dataset.pipeline({**sample, "img": blank, "unreadable": True})


def _image_shape(sample: dict) -> tuple[int, int]:
    """(h, w) of a sample's image; where the annotations do not tell, what its box needs."""
    if sample["ori_shape"] is not None:
        return sample["ori_shape"]
    right, bottom = np.ceil(sample["bbox"][0, 2:]).astype(int) + 1
    return max(int(bottom), 1), max(int(right), 1)
