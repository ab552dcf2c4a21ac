"""Two result files on the same images: which is better, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmpose.datasets.categories import id_text

from .coco_evaluator import RESULT_FIELDS
from .coco_numbers import CocoNumbers
from .matches import NUM_DRAWS, Difference, average_precision, paired_difference
from .result_files import evaluate_numbers


@dataclass(frozen=True)
class Comparison:
    """What a comparison gives.

    Attributes:
        first: AP of the first results, in [0, 1].
        second: that of the second.
        difference: of the second less the first, with interval and probability.
    """

    first: float
    second: float
    difference: Difference

    def named(self) -> dict[str, float]:
        """The numbers by name, for a JSON file."""
        low, high = self.difference.interval
        return {
            "first": self.first,
            "second": self.second,
            "difference": self.difference.difference,
            "difference_low": low,
            "difference_high": high,
            "probability": self.difference.probability,
        }


def common_kinds(first: Sequence[dict], second: Sequence[dict]) -> list[str]:
    """What both results hold, of ``bbox``, ``segm`` and ``keypoints``; all of them of nothing.

    Raises:
        ValueError: they have nothing in common.
    """
    kinds = [
        kind
        for kind, field in RESULT_FIELDS.items()
        if all(field in result for results in (first, second) for result in results)
    ]
    if not kinds:
        held = [
            sorted(set(RESULT_FIELDS.values()) & set().union(*results))
            for results in (first, second)
        ]
        raise ValueError(
            f"the first results hold {held[0]}, the second {held[1]}: nothing that all of both "
            "have; compare files of one kind"
        )
    return kinds


def judged_kinds(content: dict, kinds: Sequence[str]) -> list[str]:
    """Those of ``kinds`` of which the ground truth holds something; all where it has none."""
    people = [person for person in content["annotations"] if isinstance(person, dict)]
    held = [kind for kind in kinds if any(person.get(RESULT_FIELDS[kind]) for person in people)]
    return held or list(kinds)  # the evaluation then says what is missing


def compare_results(
    content: dict,
    first: Sequence[dict],
    second: Sequence[dict],
    iou_type: str,
    *,
    use_area: bool = True,
    metainfo: str | None = None,
    sigmas: Sequence[float] | None = None,
    num: int = NUM_DRAWS,
    seed: int = 0,
) -> Comparison:
    """AP of two results and the paired difference, bootstrap over images.

    Args:
        content: ground truth, COCO's annotation format; all its images count.
        first: as read from a file.
        second: as read from another.
        iou_type: ``bbox``, ``segm`` or ``keypoints``.
        use_area: whether the annotated areas of people count; else 0.53 of the box.
        metainfo: file of the skeleton whose names and sigmas to take.
        sigmas: per-joint constants, (K,), in place of the skeleton's.
        num: how many draws.
        seed: of the draws.

    Raises:
        ValueError: the results are of different images, or do not fit the ground truth.
    """
    _check_images(content, first, second)
    settings = {"use_area": use_area, "metainfo": metainfo, "sigmas": sigmas}
    evaluated: list[CocoNumbers] = []
    for name, results in (("the first results", first), ("the second results", second)):
        try:
            evaluated.append(evaluate_numbers(content, results, iou_type, **settings))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    matches = [numbers.by_area["all"] for numbers in evaluated]
    precisions = (average_precision(one) for one in matches)
    return Comparison(*precisions, paired_difference(*matches, num, seed))


def _check_images(content: dict, first: Sequence[dict], second: Sequence[dict]) -> None:
    """Refuse results of other images; that one has nobody on some image is no difference."""
    known = {id_text(image.get("id")) for image in content["images"]}
    seen = []
    for name, results in (("first", first), ("second", second)):
        found = {id_text(result.get("image_id")) for result in results}
        seen.append(found)
        unknown = found - known
        if unknown:
            raise ValueError(
                f"the {name} results name {len(unknown)} of {len(found)} images that are not in "
                f"the annotations, such as {min(unknown)}; take the files that belong together"
            )
    fewer = min(map(len, seen))
    common = len(seen[0] & seen[1])
    # of a run on other images, or on part of them, AP would differ for that reason alone
    if fewer and common < fewer / 2:
        raise ValueError(
            f"the first results are of {len(seen[0])} images, the second of {len(seen[1])}, and "
            f"only {common} of these are common; compare two runs on the same images"
        )
