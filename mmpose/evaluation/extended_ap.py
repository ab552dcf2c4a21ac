"""Average precision by the extended similarity (Ex-AP of ProbPose, arXiv:2412.02254).

Without the extension the similarity is COCO's, but two rules differ from COCO's evaluation, as
published: people in crowd annotations count where they have labelled joints, and detections of
an image in which nobody counts are left out instead of being wrong.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .coco_ap import check_images, prepare_ground_truth
from .extended_oks import Array, ExtendedRules, People, Poses, edit_visibility, extended_oks

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
            the image.
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
    content = prepare_ground_truth(content, use_area=use_area)
    images = [
        (replace(people, visible=edit_visibility(people, rules)), poses)
        for people, poses in _images(content, detections, len(sigmas))
    ]
    levels = sorted({int(v) for people, _ in images for v in np.unique(people.visible) if v > 0})
    matches = defaultdict(list)
    for people, poses in images:
        for level in (None, *levels):
            similarity = extended_oks(people, poses, sigmas, rules, level)
            for name, area in AREAS.items():
                matches[level, name].append(_match(people, poses, similarity, level, area, rules))
    return _summarise(matches, levels)


def _summarise(matches: dict, levels: Sequence[int]) -> dict[str, float]:
    """The named numbers from the matches of all images, by level and area."""
    curves = {key: _accumulate(found) for key, found in matches.items()}
    any_level = {name: curves.get((None, name), _NO_CURVES) for name in AREAS}
    numbers = {}
    for kind, index in (("AP", 0), ("AR", 1)):
        overall = any_level["all"][index]
        numbers[kind] = _mean(overall)
        if kind == "AP":
            by_level = {level: curves[level, "all"][index] for level in levels}
            numbers |= {f"AP (v={level})": _mean(values) for level, values in by_level.items()}
        numbers |= {f"{kind} .5": _mean(overall[:1]), f"{kind} .75": _mean(overall[5:6])}
        numbers |= {f"{kind} ({name})": _mean(any_level[name][index]) for name in "ML"}
    similarities = [match.similarities for found in matches.values() for match in found]
    numbers["OKS"] = _mean(np.concatenate(similarities)) if similarities else -1.0
    return numbers


def _mean(values: Array) -> float:
    values = values[values > -1]
    return float(values.mean()) if values.size else -1.0


def _images(
    content: dict, detections: Sequence[dict], num_joints: int
) -> Iterator[tuple[People, Poses]]:
    """People and poses of each image, by increasing id."""
    check_images(content, detections)
    annotated, predicted = defaultdict(list), defaultdict(list)
    for person in content["annotations"]:
        annotated[person["image_id"]].append(person)
    for detection in detections:
        predicted[detection["image_id"]].append(detection)
    for image_id in sorted({image["id"] for image in content["images"]}):
        people, poses = annotated[image_id], predicted[image_id]
        order = np.argsort([-pose["score"] for pose in poses], kind="stable")[:MAX_DETECTIONS]
        yield _people(people, num_joints), _poses([poses[i] for i in order], num_joints)


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


def _people(records: Sequence[dict], num_joints: int) -> People:
    joints = _joints(records, num_joints)
    return People(
        joints[..., :2],
        joints[..., 2].astype(int),
        _boxes([record["bbox"] for record in records]),
        np.array([record["area"] for record in records], np.float64),
    )


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
    """How the detections of one image fare at T thresholds.

    Attributes:
        scores: (N,).
        is_matched: (T, N).
        is_ignored: (T, N), the detection counts neither as right nor as wrong.
        num_people: how many annotated people count.
        similarities: of all pairs at all thresholds, flat.
    """

    scores: Array
    is_matched: Array
    is_ignored: Array
    num_people: int
    similarities: Array


def _match(
    people: People,
    poses: Poses,
    similarity: Array,
    level: int | None,
    area: tuple[float, float],
    rules: ExtendedRules,
) -> _Matches:
    """COCO's greedy matching, best detections first, at all thresholds at once."""
    counted = people.visible > 0 if level is None else people.visible == level
    is_counted = counted.any(1) & (people.areas >= area[0]) & (people.areas <= area[1])  # (M,)
    preference = similarity
    if rules.match_by_bbox:
        centers = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (poses.bboxes, people.bboxes)]
        distances = abs(centers[0][:, None] - centers[1]).sum(-1)  # (N, M)
        preference = np.where(distances < MAX_CENTER_DISTANCE, -distances, -np.inf)
    thresholds = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)[:, None]
    num_poses, num_people = similarity.shape
    is_free = np.ones((len(thresholds), num_people), bool)
    partners = np.full((len(thresholds), num_poses), -1)
    for i in range(num_poses if num_people else 0):
        can_match = is_free & (similarity[i] >= thresholds) & np.isfinite(preference[i])
        partners[:, i] = _best_partner(can_match, preference[i], is_counted)
        rows = np.flatnonzero(partners[:, i] >= 0)
        is_free[rows, partners[rows, i]] = False
    is_matched = partners >= 0
    is_outside = (poses.areas < area[0]) | (poses.areas > area[1])
    is_ignored = is_outside & ~is_matched
    if num_people:
        is_ignored |= is_matched & ~is_counted[partners]
    if not is_counted.any():
        is_ignored[:] = True
    rows, columns = np.nonzero(is_matched)
    return _Matches(
        poses.scores,
        is_matched,
        is_ignored,
        int(is_counted.sum()),
        similarity[columns, partners[rows, columns]],
    )


def _best_partner(can_match: Array, preference: Array, is_counted: Array) -> Array:
    """The person (T,) that a detection gets at each threshold, -1 for none.

    People who count come first; of equals the later one, as in COCO's evaluation.
    """
    partner = np.full(len(can_match), -1)
    for group in (~is_counted, is_counted):
        choice = np.where(can_match & group, preference, -np.inf)[:, ::-1]
        last_best = choice.shape[1] - 1 - choice.argmax(1)
        partner = np.where((can_match & group).any(1), last_best, partner)
    return partner


def _accumulate(found: Sequence[_Matches]) -> tuple[Array, Array]:
    """Precision (T, 101) at each recall, and recall (T, 1); -1 where nobody counts."""
    num_people = sum(match.num_people for match in found)
    if num_people == 0:
        return _NO_CURVES
    order = np.argsort(-np.concatenate([match.scores for match in found]), kind="stable")
    is_matched = np.concatenate([match.is_matched for match in found], 1)[:, order]
    is_ignored = np.concatenate([match.is_ignored for match in found], 1)[:, order]
    right = np.cumsum(is_matched & ~is_ignored, 1)
    wrong = np.cumsum(~is_matched & ~is_ignored, 1)
    recall = right / num_people
    precision = right / np.maximum(right + wrong, 1)
    precision = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    precision = np.pad(precision, ((0, 0), (0, 1)))  # 0 beyond the highest recall
    places = np.stack([np.searchsorted(row, RECALLS, side="left") for row in recall])
    final = recall[:, -1:] if recall.shape[1] else np.zeros((len(recall), 1))
    return np.take_along_axis(precision, places, 1), final
