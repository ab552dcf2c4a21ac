"""The one record of people that travels round the loop.

An :class:`mmengine.structures.InstanceData` whose fields are tensors on one device; nobody found
is a record of length 0 with every field at its full rank.

| field | shape | dtype |
| --- | --- | --- |
| bboxes | (N, 4) xyxy, image pixels | float32 |
| bbox_scores, mask_scores, scores | (N,) | float32 |
| masks | (N, H, W) | bool |
| keypoints | (N, K, 2) x, y, image pixels | float32 |
| keypoint_scores, presence, visibility | (N, K), see docs/conventions.md | float32 |
| heatmaps | (N, K, h, w) | float32 |
| iteration | (N,) | int64 |
"""

import torch
from mmengine.structures import InstanceData
from torch import Tensor

FIELD_RANKS = {
    "bboxes": 2,
    "bbox_scores": 1,
    "masks": 3,
    "mask_scores": 1,
    "keypoints": 3,
    "keypoint_scores": 2,
    "presence": 2,
    "visibility": 2,
    "heatmaps": 4,
    "scores": 1,
    "iteration": 1,
}
FIELD_DTYPES = {"masks": torch.bool, "iteration": torch.int64}


def make_people(bboxes: Tensor, **fields: Tensor) -> InstanceData:
    """A checked record of people.

    Args:
        bboxes: (N, 4) xyxy, image pixels; an empty one may have any shape with no elements.
        **fields: further fields of the table above, on the same device.

    Returns:
        The record, fields cast to their dtype.

    Raises:
        TypeError: a field is no tensor.
        ValueError: a field is unknown, or its length, rank or device does not fit.
    """
    people = InstanceData()
    for name, value in {"bboxes": bboxes, **fields}.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"people.{name} must be a tensor, got {type(value).__name__}")
        if name == "bboxes" and value.numel() == 0:
            value = value.reshape(0, 4)
        if name not in FIELD_RANKS:
            _refuse(name)
        if len(value) != len(people.get("bboxes", value)):
            raise ValueError(
                f"people.{name} has {len(value)} rows, but there are {len(people)} people"
            )
        people[name] = value.to(FIELD_DTYPES.get(name, torch.float32))
    check_people(people)
    return people


def _refuse(name: str) -> None:
    raise ValueError(f"people have no field {name!r}; known fields: {', '.join(FIELD_RANKS)}")


def check_people(people: InstanceData) -> None:
    """Check lengths, ranks, dtypes and devices of a record.

    Raises:
        ValueError: naming the field, what it is and what it must be.
    """
    num_people, device = len(people.bboxes), people.bboxes.device
    for name, value in people.items():
        if name not in FIELD_RANKS:
            _refuse(name)
        want = FIELD_DTYPES.get(name, torch.float32)
        if value.ndim != FIELD_RANKS[name] or value.dtype != want:
            raise ValueError(
                f"people.{name} must be {want} of rank {FIELD_RANKS[name]}, "
                f"got {value.dtype} of shape {tuple(value.shape)}"
            )
        if len(value) != num_people or value.device != device:
            raise ValueError(
                f"people.{name} has {len(value)} rows on {value.device}, "
                f"but there are {num_people} people on {device}"
            )
    if people.bboxes.shape[1] != 4:
        raise ValueError(f"people.bboxes must be (N, 4) xyxy, got {tuple(people.bboxes.shape)}")
    if "keypoints" in people and people.keypoints.shape[2] != 2:
        raise ValueError(f"people.keypoints must be (N, K, 2), got {tuple(people.keypoints.shape)}")


def empty_people(
    image_shape: tuple[int, int],
    *,
    num_keypoints: int | None = None,
    device: torch.device | str = "cpu",
) -> InstanceData:
    """A record of nobody, with boxes, masks and, if asked for, keypoint fields.

    Args:
        image_shape: (H, W) of the image, for the masks.
        num_keypoints: K; None leaves the keypoint fields out.
        device: where the tensors lie.
    """
    height, width = image_shape
    fields = {
        "bbox_scores": torch.zeros(0, device=device),
        "masks": torch.zeros(0, height, width, dtype=torch.bool, device=device),
    }
    if num_keypoints is not None:
        per_joint = torch.zeros(0, num_keypoints, device=device)
        fields |= {
            "keypoints": torch.zeros(0, num_keypoints, 2, device=device),
            "keypoint_scores": per_joint,
            "presence": per_joint.clone(),
            "visibility": per_joint.clone(),
        }
    return make_people(torch.zeros(0, 4, device=device), **fields)


def concatenate_people(first: InstanceData, second: InstanceData) -> InstanceData:
    """Both records one after the other.

    Raises:
        ValueError: they do not have the same fields.
    """
    if set(first.keys()) != set(second.keys()):
        different = sorted(set(first.keys()) ^ set(second.keys()))
        raise ValueError(
            f"records with different fields cannot be joined; only one has {different}"
        )
    fields = {name: torch.cat([first[name], second[name]]) for name in first.keys()}  # noqa: SIM118
    return make_people(fields.pop("bboxes"), **fields)


def with_fields(people: InstanceData, **changed: Tensor) -> InstanceData:
    """A checked copy of a record with some fields set."""
    entries = dict(people.items()) | changed
    return make_people(entries.pop("bboxes"), **entries)


def masks_to_bboxes(masks: Tensor, fallback: Tensor) -> Tensor:
    """Tight boxes of masks, edges at the outer side of the border pixels.

    Args:
        masks: (N, H, W) bool.
        fallback: (N, 4) xyxy, taken where a mask is empty.

    Returns:
        (N, 4) xyxy float32, image pixels.
    """
    columns, rows = masks.any(1), masks.any(2)  # (N, W), (N, H)

    def extent(line: Tensor) -> tuple[Tensor, Tensor]:
        first = line.to(torch.uint8).argmax(1)
        last = line.shape[1] - line.flip(1).to(torch.uint8).argmax(1)
        return first, last

    if len(masks) == 0:
        return fallback.to(torch.float32)
    (x1, x2), (y1, y2) = extent(columns), extent(rows)
    tight = torch.stack([x1, y1, x2, y2], 1).to(torch.float32)
    return torch.where(columns.any(1)[:, None], tight, fallback.to(torch.float32))
