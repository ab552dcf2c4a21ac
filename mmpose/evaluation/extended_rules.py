"""What an evaluation may do otherwise than COCO's (ProbPose, arXiv:2412.02254). Loads no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ExtendedRules:
    """What differs from COCO's evaluation.

    Attributes:
        extended: judge presence; else only joints annotated inside the image count.
        match_by_bbox: of the people whose pose is similar enough, a detection gets the one whose
            box centre is nearest, not the one whose pose is most similar.
        ignore_border_points: leave out joints within 5 % of the box's sides of its edges.
        confidence_thr: a joint whose third value reaches it is predicted as present.
        padding: how much larger than the box the window is.

    Raises:
        ValueError: ``confidence_thr`` is negative or not finite, or ``padding`` not above 0.
    """

    extended: bool = True
    match_by_bbox: bool = False
    ignore_border_points: bool = False
    confidence_thr: float = 0.5
    padding: float = 1.25

    def __post_init__(self) -> None:
        if not (0 <= self.confidence_thr < np.inf and 0 < self.padding < np.inf):
            raise ValueError(
                "need confidence_thr of 0 or more and padding above 0, got "
                f"{self.confidence_thr} and {self.padding}"
            )

    @property
    def are_cocos(self) -> bool:
        """Whether nothing differs."""
        return not (self.extended or self.match_by_bbox or self.ignore_border_points)


def list_rules(
    extended: Sequence[bool],
    match_by_bbox: Sequence[bool],
    ignore_border_points: Sequence[bool],
    confidence_thr: float,
    padding: float,
) -> list[ExtendedRules]:
    """One set of rules per evaluation; lists of one entry are repeated.

    Raises:
        ValueError: other lists differ in length.
    """
    lists = (list(extended), list(match_by_bbox), list(ignore_border_points))
    longest = max(map(len, lists))
    # the published code stops at the shortest list, without a word about the other evaluations
    if any(len(values) not in (1, longest) for values in lists):
        raise ValueError(
            "extended, match_by_bbox and ignore_border_points need one entry each per evaluation, "
            f"or one for all, got {[len(values) for values in lists]} entries"
        )
    repeated = [values * longest if len(values) == 1 else values for values in lists]
    return [
        ExtendedRules(*switches, confidence_thr=confidence_thr, padding=padding)
        for switches in zip(*repeated, strict=True)
    ]
