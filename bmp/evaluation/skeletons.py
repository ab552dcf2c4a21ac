"""Data sets of other joints: what is predicted and what is annotated, brought to one skeleton."""

import numpy as np

from mmpose.datasets.coco_file import COCO_JOINTS, CocoContent
from mmpose.datasets.transforms import KeypointConverter
from mmpose.evaluation.joint_conversion import convert_annotations, convert_sigmas


def convert_truth(
    content: CocoContent, sigmas: np.ndarray, converter: KeypointConverter | None
) -> tuple[CocoContent, list[float]]:
    """Annotated people and constants of the evaluated joints.

    Args:
        content: completed annotations.
        sigmas: constants of the annotated joints, (K,).
        converter: to the M evaluated ones; None: all of them, as they are.

    Returns:
        The content, and the constants of the evaluated joints.
    """
    if converter is None:
        return content, sigmas.tolist()
    people = convert_annotations(content["annotations"], converter)
    # as completed as before: joints alone have changed
    return CocoContent({**content, "annotations": people}), convert_sigmas(
        sigmas, converter
    ).tolist()


def check_same_joints(converter: KeypointConverter | None, num_joints: int) -> None:
    """Refuse predictions of another number of joints than is evaluated.

    Args:
        converter: of the predictions, from COCO's joints; None: they stay.
        num_joints: that are evaluated.

    Raises:
        ValueError: saying both numbers.
    """
    num_predicted = COCO_JOINTS if converter is None else converter.num_keypoints
    if num_predicted != num_joints:
        raise ValueError(
            f"the loop's poses have {num_predicted} joints, {num_joints} are evaluated; bring both "
            "to one skeleton by pred_converter and gt_converter"
        )
