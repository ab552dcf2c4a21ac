"""Average precision by the extended similarity (Ex-AP of ProbPose, arXiv:2412.02254).

Without the extension the similarity is COCO's, but two rules differ from COCO's evaluation, as
published: people in crowd annotations count where they have labelled joints, and detections of
an image in which nobody counts are left out instead of being wrong.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmpose.datasets.coco_file import complete_annotations
from mmpose.datasets.people_records import AREA_OF_BOX
from mmpose.datasets.result_records import complete_results

from .coco_evaluator import check_somebody_counts
from .extended_oks import (
    Array,
    ExtendedRules,
    People,
    Poses,
    count_joints,
    edit_visibility,
    extended_oks,
)

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
AREAS = {"all": (0.0, 1e10), "M": (32.0**2, 96.0**2), "L": (96.0**2, 1e10)}
MAX_DETECTIONS = 20
MAX_CENTER_DISTANCE = 20.0  # px, between boxes that belong to one person
# precision and recall where nobody counts
_NO_CURVES = (np.full((len(IOU_THRESHOLDS), 1), -1.0), np.full((len(IOU_THRESHOLDS), 1), -1.0))


def extended_keypoint_ap(
    content: dict,
    detections: Sequence[dict],
    sigmas: Sequence[float],
    rules: ExtendedRules,
    *,
    use_area: bool = True,
) -> dict[str, float]:
    """Average precision and recall, also for each level of visibility.

    Args:
        content: ground truth, COCO's annotation format; v = 3 marks joints outside
            the image; ``pad_to_contain`` (K) where known, see `People`.
        detections: ``image_id``, ``keypoints`` (3K; the third value is the presence) and
            ``score``; ``bbox`` xywh where known.
        sigmas: per-joint constants, (K,).
        rules: see `ExtendedRules`.
        use_area: whether the annotated areas count; else 0.53 of the box.

    Returns:
        AP, AP (v=1) and so on for each level that occurs, AP .5, AP .75, AP (M), AP (L), AR and
        its kin, and OKS, the mean similarity of all matches; -1 where nobody of that kind is
        annotated.

    Raises:
        ValueError: detections, ground truth and sigmas differ in their numbers of joints.
    """
    sigmas = np.asarray(sigmas, np.float64)
    content = complete_annotations(content)
    singles = [person | {"iscrowd": 0} for person in content["annotations"]]
    check_somebody_counts(singles, "keypoints", content)
    detections = complete_results(detections, content, needs=("keypoints",))
    images = [
        (replace(people, visible=edit_visibility(people, rules)), poses)
        for people, poses in _images(content, detections, len(sigmas), use_area)
    ]
    found = {int(v) for people, _ in images for v in np.unique(people.visible) if v > 0}
    levels = (None, *sorted(found))
    matches = [_match(people, poses, sigmas, rules, levels) for people, poses in images]
    return _summarise(matches, levels)


def _summarise(matches: Sequence["_Matches"], levels: Sequence[int | None]) -> dict[str, float]:
    """The named numbers from the matches of all images."""
    groups = [(level, area) for level in levels for area in AREAS]
    curves = dict(zip(groups, _accumulate(matches, len(groups)), strict=True))
    numbers = {}
    for kind, index in (("AP", 0), ("AR", 1)):
        overall = curves[None, "all"][index]
        numbers[kind] = _mean(overall)
        if kind == "AP":
            by_level = {level: curves[level, "all"][index] for level in levels[1:]}
            numbers |= {f"AP (v={level})": _mean(values) for level, values in by_level.items()}
        numbers |= {f"{kind} .5": _mean(overall[:1]), f"{kind} .75": _mean(overall[5:6])}
        numbers |= {f"{kind} ({area})": _mean(curves[None, area][index]) for area in "ML"}
    numbers["OKS"] = _mean(np.concatenate([match.similarities for match in matches] or [[]]))
    return numbers


def _mean(values: Array) -> float:
    values = values[values > -1]
    return float(values.mean()) if values.size else -1.0


def _images(
    content: dict, detections: Sequence[dict], num_joints: int, use_area: bool
) -> Iterator[tuple[People, Poses]]:
    """People and poses of each image, by increasing id."""
    annotated, predicted = defaultdict(list), defaultdict(list)
    for person in content["annotations"]:
        annotated[person["image_id"]].append(person)
    for detection in detections:
        predicted[detection["image_id"]].append(detection)
    ids = [image["id"] for image in content["images"]]
    is_number = all(isinstance(number, int | float) for number in ids)
    for image_id in sorted(ids, key=None if is_number else str):
        people, poses = annotated[image_id], predicted[image_id]
        order = np.argsort([-pose["score"] for pose in poses], kind="stable")[:MAX_DETECTIONS]
        yield _people(people, num_joints, use_area), _poses([poses[i] for i in order], num_joints)


def _joints(records: Sequence[dict], num_joints: int) -> Array:
    for record in records:
        if len(record["keypoints"]) != 3 * num_joints:
            raise ValueError(
                f"expected {3 * num_joints} numbers for {num_joints} keypoints, got "
                f"{len(record['keypoints'])} in image {record['image_id']}; give the sigmas and "
                "annotations of the same joint list"
            )
    joints = np.array([record["keypoints"] for record in records], np.float64)
    return joints.reshape(-1, num_joints, 3)


def _boxes(bboxes_xywh: Sequence) -> Array:
    boxes = np.array(bboxes_xywh, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


def _people(records: Sequence[dict], num_joints: int, use_area: bool) -> People:
    nothing = [0] * (3 * num_joints)
    records = [record | {"keypoints": record["keypoints"] or nothing} for record in records]
    joints = _joints(records, num_joints)
    boxes = _boxes([record["bbox"] for record in records])
    areas = np.array([record["area"] for record in records], np.float64)
    return People(
        joints[..., :2],
        joints[..., 2].astype(int),
        boxes,
        areas if use_area else AREA_OF_BOX * np.prod(boxes[:, 2:] - boxes[:, :2], axis=1),
        _paddings(records, num_joints),
    )


def _paddings(records: Sequence[dict], num_joints: int) -> Array:
    """``pad_to_contain`` (M, K) of people, nan for those who have none."""
    unknown = [np.nan] * num_joints
    given = [record.get("pad_to_contain", unknown) for record in records]
    wrong = [i for i, values in enumerate(given) if np.shape(values) != (num_joints,)]
    if wrong:
        raise ValueError(
            f"pad_to_contain of annotation {records[wrong[0]].get('id')} must have one number for "
            f"each of {num_joints} joints, got shape {np.shape(given[wrong[0]])}; leave it out to "
            "have it worked out"
        )
    return np.array(given, np.float64).reshape(-1, num_joints)


def _poses(records: Sequence[dict], num_joints: int) -> Poses:
    joints = _joints(records, num_joints)
    extents = np.concatenate([joints[..., :2].min(1), np.ptp(joints[..., :2], axis=1)], 1)
    boxes = _boxes([record.get("bbox") or extents[i] for i, record in enumerate(records)])
    return Poses(
        joints[..., :2],
        joints[..., 2],
        np.array([record["score"] for record in records], np.float64),
        boxes,
        np.prod(boxes[:, 2:] - boxes[:, :2], axis=1),
    )


@dataclass(frozen=True)
class _Matches:
    """How the detections of one image fare, in each of G groups (level, area) at T thresholds.

    Attributes:
        scores: (N,).
        is_matched: (G, T, N).
        is_ignored: (G, T, N), the detection counts neither as right nor as wrong.
        num_people: how many annotated people count, (G,).
        similarities: of all pairs in all groups at all thresholds, flat.
    """

    scores: Array
    is_matched: Array
    is_ignored: Array
    num_people: Array
    similarities: Array


def _match(
    people: People,
    poses: Poses,
    sigmas: Array,
    rules: ExtendedRules,
    levels: Sequence[int | None],
) -> _Matches:
    """COCO's greedy matching, best detections first, in all groups at all thresholds at once."""
    counted = count_joints(people, levels)
    similarity = extended_oks(people, poses, sigmas, rules, counted)
    similarity = similarity.repeat(len(AREAS), 0)  # (G, N, M)
    lowest, highest = np.array(list(AREAS.values())).T[..., None]  # (A, 1) each
    has_size = (people.areas >= lowest) & (people.areas <= highest)  # (A, M)
    is_counted = (counted.any(-1)[:, None] & has_size).reshape(len(similarity), -1)  # (G, M)
    partners = _pair(similarity, _preference(similarity, people, poses, rules), is_counted)
    is_matched = partners >= 0  # (G, T, N)
    has_other_size = (poses.areas < lowest) | (poses.areas > highest)  # (A, N)
    is_ignored = np.tile(has_other_size, (len(levels), 1))[:, None] & ~is_matched
    groups, thresholds, places = np.nonzero(is_matched)
    pairs = partners[is_matched]
    is_ignored[groups, thresholds, places] = ~is_counted[groups, pairs]
    is_ignored |= ~is_counted.any(-1)[:, None, None]
    return _Matches(
        poses.scores,
        is_matched,
        is_ignored,
        is_counted.sum(-1),
        similarity[groups, places, pairs],
    )


def _preference(similarity: Array, people: People, poses: Poses, rules: ExtendedRules) -> Array:
    """Whom each detection would rather have, (G, N, M); -inf where the pair is impossible."""
    if not rules.match_by_bbox:
        return similarity
    centers = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (poses.bboxes, people.bboxes)]
    distances = abs(centers[0][:, None] - centers[1]).sum(-1)  # (N, M)
    nearness = np.where(distances < MAX_CENTER_DISTANCE, -distances, -np.inf)
    return np.broadcast_to(nearness, similarity.shape)


def _pair(similarity: Array, preference: Array, is_counted: Array) -> Array:
    """The person (G, T, N) that each detection gets, -1 for none.

    People who count come first; of equals the later one, as in COCO's evaluation.
    """
    num_groups, num_poses, num_people = similarity.shape
    thresholds = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)[:, None]  # (T, 1)
    partners = np.full((num_groups, len(thresholds), num_poses), -1)
    is_free = np.ones((num_groups, len(thresholds), num_people), bool)
    for i in range(num_poses if num_people else 0):
        wish = preference[:, None, i]  # (G, 1, M)
        can_match = is_free & (similarity[:, None, i] >= thresholds) & (wish > -np.inf)
        # all who count before all who do not
        can_count = can_match & is_counted[:, None]
        can_match = np.where(can_count.any(-1, keepdims=True), can_count, can_match)
        choice = np.where(can_match, wish, -np.inf)[..., ::-1]
        best = num_people - 1 - choice.argmax(-1)  # (G, T)
        groups, rows = np.nonzero(can_match.any(-1))
        partners[groups, rows, i] = best[groups, rows]
        is_free[groups, rows, best[groups, rows]] = False
    return partners


def _accumulate(matches: Sequence[_Matches], num_groups: int) -> list[tuple[Array, Array]]:
    """Of each group the precision (T, 101) at each recall, and the highest recall (T, 1)."""
    if not matches:
        return [_NO_CURVES] * num_groups
    order = np.argsort(-np.concatenate([match.scores for match in matches]), kind="stable")
    is_matched = np.concatenate([match.is_matched for match in matches], -1)[..., order]
    is_ignored = np.concatenate([match.is_ignored for match in matches], -1)[..., order]
    right = np.cumsum(is_matched & ~is_ignored, -1)
    wrong = np.cumsum(~is_matched & ~is_ignored, -1)
    num_people = sum(match.num_people for match in matches)
    return [_curves(*counts) for counts in zip(right, wrong, num_people, strict=True)]


def _curves(right: Array, wrong: Array, num_people: int) -> tuple[Array, Array]:
    """Precision (T, 101) and highest recall (T, 1) of one group; -1 where nobody counts.

    Args:
        right: how many of the best detections are right, (T, N).
        wrong: how many are wrong, (T, N).
        num_people: who can be found.
    """
    if num_people == 0:
        return _NO_CURVES
    recall = right / num_people
    precision = right / np.maximum(right + wrong, 1)
    precision = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    precision = np.pad(precision, ((0, 0), (0, 1)))  # 0 beyond the highest recall
    places = np.stack([np.searchsorted(row, RECALLS, side="left") for row in recall])
    highest = recall[:, -1:] if recall.shape[1] else np.zeros((len(recall), 1))
    return np.take_along_axis(precision, places, 1), highest
