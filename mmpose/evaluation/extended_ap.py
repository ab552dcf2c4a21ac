"""Average precision by the extended similarity (Ex-AP of ProbPose, arXiv:2412.02254).

Without the extension the similarity is COCO's, but two rules differ from COCO's evaluation, as
published: people in crowd annotations count where they have labelled joints, and detections of
an image in which nobody counts are left out instead of being wrong.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mmpose.datasets.coco_file import complete_annotations
from mmpose.datasets.people_records import AREA_OF_BOX
from mmpose.datasets.result_records import complete_results
from mmpose.structures import bbox_xywh2xyxy

from .coco_evaluator import check_somebody_counts
from .coco_numbers import precision_intervals, with_intervals
from .extended_oks import (
    Array,
    People,
    Poses,
    count_joints,
    edit_visibility,
    extended_oks,
)
from .extended_rules import ExtendedRules
from .matches import Matches, threshold_precisions
from .matching import match_greedily
from .similarity import LOWEST, Pairs

AREAS = {"all": (0.0, 1e10), "M": (32.0**2, 96.0**2), "L": (96.0**2, 1e10)}
MAX_DETECTIONS = 20
MAX_CENTER_DISTANCE = 20.0  # px, between boxes that belong to one person
_Group = tuple[int | None, str]  # a level of visibility and a size


def extended_keypoint_ap(
    content: dict,
    detections: Sequence[dict],
    sigmas: Sequence[float],
    rules: ExtendedRules,
    *,
    use_area: bool = True,
    intervals: bool = False,
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
        intervals: also the ends of the 95 % interval of each AP, ``AP_low`` and ``AP_high``.

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
    groups, similarities = _match_groups(images, levels, sigmas, rules)
    numbers = _summarise(groups, levels)
    numbers["OKS"] = _mean(similarities)
    if not intervals:
        return numbers
    # what _summarise names
    named = {k: m for k, m in groups.items() if k[0] is None or k[1] == "all"}
    return with_intervals(numbers, precision_intervals({_name(*k): (m,) for k, m in named.items()}))


def _name(level: int | None, area: str) -> str:
    return area if level is None else f"v={level}"


def _summarise(groups: dict[_Group, Matches], levels: Sequence[int | None]) -> dict[str, float]:
    """The named numbers from the matches of each group."""
    numbers = {}
    for kind, values_of in (("AP", threshold_precisions), ("AR", _recalls)):
        overall = values_of(groups[None, "all"])
        numbers[kind] = _mean(overall)
        if kind == "AP":
            by_level = {level: values_of(groups[level, "all"]) for level in levels[1:]}
            numbers |= {f"AP (v={level})": _mean(values) for level, values in by_level.items()}
        numbers |= {f"{kind} .5": _mean(overall[:1]), f"{kind} .75": _mean(overall[5:6])}
        numbers |= {f"{kind} ({area})": _mean(values_of(groups[None, area])) for area in "ML"}
    return numbers


def _recalls(matches: Matches) -> Array:
    """Highest recall at each threshold, (T,); -1 where nobody counts."""
    num_true = matches.num_true.sum()
    right = (matches.matched & ~matches.ignored).sum(1)
    return right / num_true if num_true else np.full(len(right), -1.0)


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
    return bbox_xywh2xyxy(np.array(bboxes_xywh, np.float64).reshape(-1, 4))


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


def _match_groups(
    images: Sequence[tuple[People, Poses]],
    levels: Sequence[int | None],
    sigmas: Array,
    rules: ExtendedRules,
) -> tuple[dict[_Group, Matches], Array]:
    """How detections fare in each group, and the similarity of all pairs of all groups.

    Args:
        images: people and poses of each.
        levels: of visibility; None: all.
        sigmas: (K,).
        rules: see `ExtendedRules`.
    """
    num_poses, num_people = (np.array([len(x[n].areas) for x in images], int) for n in (1, 0))
    ranks = np.concatenate([np.arange(num) for num in num_poses] or [[]]).astype(int)
    scores, areas = _joined(images, 1, "scores"), _joined(images, 1, "areas")
    sizes = _joined(images, 0, "areas")
    image, image_of_person = (np.repeat(np.arange(len(images)), n) for n in (num_poses, num_people))
    pairs, has_joints = _near_pairs(images, levels, sigmas, rules)
    groups, similarities = {}, [np.zeros(0)]
    for number, level in enumerate(levels):
        for area, (lowest, highest) in AREAS.items():
            is_counted = has_joints[number] & (sizes >= lowest) & (sizes <= highest)
            own, preference = pairs[number]
            nobody = np.zeros(len(sizes), bool)  # a crowd is one person here
            matching = match_greedily(own, ranks, ~is_counted, nobody, preference)
            num_true = np.bincount(image_of_person[is_counted], minlength=len(images))
            ignored = ~matching.matched & ((areas < lowest) | (areas > highest))
            ignored |= matching.of_ignored | (num_true == 0)[image]
            groups[level, area] = Matches(
                range(len(images)), image, scores, matching.matched, ignored, num_true
            )
            similarities.append(matching.similarities)
    return groups, np.concatenate(similarities)


def _joined(images: Sequence[tuple[People, Poses]], part: int, field: str) -> Array:
    return np.concatenate([np.zeros(0), *(getattr(image[part], field) for image in images)])


def _near_pairs(
    images: Sequence[tuple[People, Poses]],
    levels: Sequence[int | None],
    sigmas: Array,
    rules: ExtendedRules,
) -> tuple[list[tuple[Pairs, Array]], Array]:
    """Of each level the pairs that could match with how much they are wished.

    Also who has a joint of the level, (L, M) bool.
    """
    columns: list[tuple[Array, ...]] = [(np.zeros(0, int),) * 3 + (np.zeros(0),) * 2]
    has_joints = [np.zeros((len(levels), 0), bool)]
    num_poses = num_people = 0  # of earlier images
    for people, poses in images:
        counted = count_joints(people, levels)
        has_joints.append(counted.any(-1))
        similarity = extended_oks(people, poses, sigmas, rules, counted)  # (L, N, M)
        wish = _preference(similarity, people, poses, rules)
        near = level, i, j = np.nonzero((similarity >= LOWEST) & (wish > -np.inf))
        columns.append((level, i + num_poses, j + num_people, similarity[near], wish[near]))
        num_poses, num_people = num_poses + len(poses.areas), num_people + len(people.areas)
    level, found, annotated, similarity, wish = map(np.concatenate, zip(*columns, strict=True))
    pairs = []
    for number in range(len(levels)):
        own = level == number
        pairs.append((Pairs(found[own], annotated[own], similarity[own]), wish[own]))
    return pairs, np.concatenate(has_joints, 1)


def _preference(similarity: Array, people: People, poses: Poses, rules: ExtendedRules) -> Array:
    """Whom each detection would rather have, (G, N, M); -inf where the pair is impossible."""
    if not rules.match_by_bbox:
        return similarity
    centers = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (poses.bboxes, people.bboxes)]
    distances = abs(centers[0][:, None] - centers[1]).sum(-1)  # (N, M)
    nearness = np.where(distances < MAX_CENTER_DISTANCE, -distances, -np.inf)
    return np.broadcast_to(nearness, similarity.shape)
