"""Bringing predictions and annotations of different skeletons to one before they are compared."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmpose.datasets.people_records import PER_JOINT
from mmpose.datasets.transforms import KeypointConverter
from mmpose.registry import TRANSFORMS


def build_converter(converter: Mapping | KeypointConverter | None) -> KeypointConverter | None:
    """A converter from its config, whose ``type`` may be left out.

    Raises:
        ValueError: it is none.
    """
    if isinstance(converter, Mapping):
        # its scope is said: configs of the loop are run in mmengine's
        defaults = {"type": "KeypointConverter", "_scope_": "mmpose"}
        converter = TRANSFORMS.build({**defaults, **converter})
    if converter is not None and not isinstance(converter, KeypointConverter):
        raise ValueError(
            "pred_converter and gt_converter are dict(type='KeypointConverter', "
            f"num_keypoints=..., mapping=...), got {type(converter).__name__}"
        )
    return converter


def count_joints(people: Sequence[dict], source: str) -> int | None:
    """Joints of annotated people; None where nobody has any.

    Args:
        people: COCO's format.
        source: their file, for the message.

    Raises:
        ValueError: people differ in their number of keypoints.
    """
    counts = {len(person["keypoints"]) // 3 for person in people if person.get("keypoints")}
    if len(counts) > 1:
        raise ValueError(
            f"people of {source} have different numbers of keypoints, {sorted(counts)}; bring "
            "them to one skeleton"
        )
    return min(counts, default=None)


def convert_annotations(people: list[dict], converter: KeypointConverter) -> list[dict]:
    """Annotated people with the joints of another skeleton.

    Args:
        people: COCO's format; those without ``keypoints`` stay as they are.
        converter: where two joints make one, it is as well labelled as the worse of them.

    Raises:
        ValueError: the converter names a joint that the people do not have.
    """
    posed = [index for index, person in enumerate(people) if person.get("keypoints")]
    if not posed:
        return people
    triples = np.array([people[i]["keypoints"] for i in posed], np.float64)
    triples = triples.reshape(len(posed), -1, 3)  # (N, K, 3)
    levels = converter.combine_flags(triples[..., 2])  # (N, M)
    points = converter.average(triples[..., :2]) * (levels > 0)[..., None]
    converted = np.concatenate([points, levels[..., None]], -1)
    answer = list(people)
    for index, joints in zip(posed, converted, strict=True):
        num_labelled = int((joints[:, 2] > 0).sum())
        joints = joints.ravel().tolist()
        kept = {name: v for name, v in people[index].items() if name not in PER_JOINT}
        answer[index] = kept | {"keypoints": joints, "num_keypoints": num_labelled}
    return answer


def convert_sigmas(sigmas: np.ndarray, converter: KeypointConverter) -> np.ndarray:
    """Sigmas (K,) of another skeleton (M,): of two joints the mean.

    A joint without a source is nowhere annotated but may be predicted; for the comparison of
    predictions with each other it takes the mean of all.
    """
    converted = converter.average(sigmas[None])[0]
    is_known = converter.average(np.ones((1, len(sigmas))))[0] > 0
    return np.where(is_known, converted, converted[is_known].mean())


def convert_results(results: list[dict], converter: KeypointConverter | None) -> list[dict]:
    """Results with the joints of another skeleton; those without a source are at 0 with score 0.

    Args:
        results: COCO results with ``keypoints`` (3K: x, y, score); of two joints that make one
            the score is the mean, as the place is.
        converter: None leaves them as they are.

    Raises:
        ValueError: the converter names a joint that the results do not have.
    """
    if converter is None or not results:
        return results
    joints = np.array([result["keypoints"] for result in results], np.float64)
    joints = converter.average(joints.reshape(len(results), -1, 3))  # (N, M, 3)
    return [
        {**result, "keypoints": triples.ravel().tolist()}
        for result, triples in zip(results, joints, strict=True)
    ]


def convert_joints(record: dict[str, Any], converter: KeypointConverter) -> dict[str, Any]:
    """A prediction's fields (K, ...) for another skeleton (M, ...), 0 without a source."""
    return {name: converter.average(values[None])[0] for name, values in record.items()}
