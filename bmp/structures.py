"""The one record of people that travels round the loop, and how it is made and checked."""

from collections.abc import Iterator, Mapping
from typing import Any, overload

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from bmp.record import Rows, describe, select_rows
from mmpose.structures.packed_masks import PackedMasks, as_packed, empty_masks, join_masks

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
COLUMNS = {"bboxes": (4, "(N, 4) xyxy"), "keypoints": (2, "(N, K, 2)")}
JOINT_FIELDS = ("keypoints", "keypoint_scores", "presence", "visibility", "heatmaps")


class People(InstanceData):
    """N people of one image: tensors of one length on one device, checked whenever they are set.

    A field that nobody has set is absent (``"masks" in people``); nobody found is a record of
    length 0 with every field at its full rank. :func:`make_people` makes one.

    >>> people = make_people(torch.tensor([[0, 0, 2, 3], [4, 1, 6, 5]]), masks=torch.ones(2, 6, 8))
    >>> people
    <People: 2 people, 6×8, masks>
    >>> people[people.bboxes[:, 0] > 1].bboxes
    tensor([[4., 1., 6., 5.]])
    >>> [tuple(person.masks.shape) for person in people]
    [(1, 6, 8), (1, 6, 8)]

    Attributes:
        bboxes: (N, 4) xyxy float32, image pixels.
        bbox_scores: (N,) float32, of the detector.
        masks: (N, H, W) bool; the loop sets :class:`mmpose.structures.packed_masks.PackedMasks`,
            which stay bits until they are read here, and ``packed_masks`` leaves them so.
        mask_scores: (N,) float32, the segmenter's estimate of its IoU.
        keypoints: (N, K, 2) float32 x, y, image pixels.
        keypoint_scores: (N, K) float32; this and the next two: see docs/conventions.md.
        presence: (N, K) float32.
        visibility: (N, K) float32.
        heatmaps: (N, K, h, w) float32.
        scores: (N,) float32, by which people are ranked.
        iteration: (N,) int64, the turn that found the person, from 0.

    Raises:
        TypeError: a field is no tensor.
        ValueError: a field is unknown, or its length, rank or device does not fit.
    """

    bboxes: Tensor
    bbox_scores: Tensor
    masks: Tensor  # for editors; the property below replaces it
    mask_scores: Tensor
    keypoints: Tensor
    keypoint_scores: Tensor
    presence: Tensor
    visibility: Tensor
    heatmaps: Tensor
    scores: Tensor
    iteration: Tensor

    @property
    def masks(self) -> Tensor:
        """(N, H, W) bool."""
        masks = self._stored("masks")
        if isinstance(masks, PackedMasks):  # kept, so that a changed pixel stays changed
            masks = vars(self)["masks"] = masks.unpack()
        return masks

    @masks.setter
    def masks(self, value: Tensor | PackedMasks) -> None:
        vars(self)["masks"] = value

    @masks.deleter
    def masks(self) -> None:
        del vars(self)["masks"]

    @property
    def packed_masks(self) -> PackedMasks:
        """The masks as bits."""
        return as_packed(self._stored("masks"))

    def _stored(self, name: str) -> Any:
        if name not in vars(self):  # as Python says it of any attribute
            raise AttributeError(f"these people have no {name}, only {', '.join(self.keys())}")
        return vars(self)[name]

    def stored(self) -> dict[str, Any]:
        """The fields as they are kept: masks may be :class:`PackedMasks`."""
        return {name: vars(self)[name] for name in self.keys()}

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_metainfo_fields", "_data_fields"):  # mmengine's own
            super().__setattr__(name, value)
            return
        value = _as_field(name, value)
        others = {other: field for other, field in self.stored().items() if other != name}
        _check_together({**others, name: value})
        self.set_field(value, name)

    __setitem__ = __setattr__

    @overload
    def __getitem__(self, item: str) -> Tensor: ...
    @overload
    def __getitem__(self, item: Rows) -> "People": ...
    def __getitem__(self, item: str | Rows) -> "Tensor | People":
        """A field by name, or some of the people; a number gives a record of one person."""
        if isinstance(item, str):
            return getattr(self, item)
        rows = select_rows(item, len(self))
        return self._derive({name: value[rows] for name, value in self.stored().items()})

    def __iter__(self) -> Iterator["People"]:
        """Records of one person each."""
        return (self[n] for n in range(len(self)))

    def __len__(self) -> int:
        """Number of people."""
        return next((len(vars(self)[name]) for name in self.keys()), 0)

    def __repr__(self) -> str:
        return f"<People: {describe(self)}>"

    def keys(self) -> list[str]:
        """Names of the fields, always in the same order."""
        return [name for name in FIELD_RANKS if name in self._data_fields]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "People":
        """The same people on another device."""
        moved = {
            name: value.to(device=device, non_blocking=non_blocking)
            for name, value in self.stored().items()
        }
        return self._derive(moved)

    def cpu(self) -> "People":
        """The same people on the CPU."""
        return self.to("cpu")

    def cuda(self) -> "People":
        """The same people on the GPU."""
        return self.to("cuda")

    def numpy(self) -> InstanceData:
        """The fields as arrays, in a plain record: ours holds tensors alone."""
        return InstanceData(**{name: v.detach().cpu().numpy() for name, v in self.items()})

    def _derive(self, fields: Mapping[str, Tensor]) -> "People":
        """A record of fields that are known to fit."""
        people = type(self)(metainfo=self.metainfo or None)
        for name, value in fields.items():
            people.set_field(value, name)
        return people


def make_people(bboxes: Tensor, **fields: Tensor) -> People:
    """A checked record of people.

    Args:
        bboxes: (N, 4) xyxy, image pixels; an empty one may have any shape with no elements.
        **fields: further fields of :class:`People`, on the same device.

    Returns:
        The record, fields cast to their dtype.

    Raises:
        TypeError: a field is no tensor.
        ValueError: a field is unknown, or its length, rank or device does not fit.
    """
    return with_fields(People(), bboxes=bboxes, **fields)


def with_fields(people: InstanceData, **changed: Tensor) -> People:
    """A copy of a record with some fields set; only these are cast and checked.

    Args:
        people: our record, or a plain one of a detector or pose model, which is checked whole.
        **changed: fields of :class:`People`.

    Raises:
        TypeError: a field is no tensor.
        ValueError: a field is unknown, or its length, rank or device does not fit.
    """
    if not isinstance(people, People):
        people, changed = People(), dict(people.items()) | changed
    new = {name: _as_field(name, value) for name, value in changed.items()}
    fields = people.stored() | new
    _check_together(fields)
    return people._derive(fields)


def _as_field(name: str, value: Any) -> Tensor:
    """A value as the field of this name: its dtype, its rank."""
    if name not in FIELD_RANKS:
        raise ValueError(f"people have no field {name!r}; known fields: {', '.join(FIELD_RANKS)}")
    if name == "masks" and isinstance(value, PackedMasks):
        return value
    if not isinstance(value, Tensor):
        raise TypeError(f"people.{name} must be a tensor, got {type(value).__name__}")
    if name == "bboxes" and value.numel() == 0:
        value = value.reshape(0, 4)
    value = value.to(FIELD_DTYPES.get(name, torch.float32))
    _check_field(name, value)
    return value


def _check_field(name: str, value: Tensor) -> None:
    rank, dtype = FIELD_RANKS[name], FIELD_DTYPES.get(name, torch.float32)
    if value.ndim != rank or value.dtype != dtype:
        raise ValueError(
            f"people.{name} must be {dtype} of rank {rank}, "
            f"got {value.dtype} of shape {tuple(value.shape)}"
        )
    if name in COLUMNS and value.shape[-1] != COLUMNS[name][0]:
        raise ValueError(f"people.{name} must be {COLUMNS[name][1]}, got {tuple(value.shape)}")


def _check_together(fields: Mapping[str, Tensor]) -> None:
    """Whether fields have one length, one device and one number of joints."""
    first = next(iter(fields.values()))
    num_people, device = len(first), first.device
    for name, value in fields.items():
        if len(value) != num_people:
            raise ValueError(
                f"people.{name} has {len(value)} rows, but there are {num_people} people"
            )
        if value.device != device:
            raise ValueError(
                f"people.{name} lies on {value.device}, but the people on {device}; "
                "people.to(device) moves a whole record"
            )
    joints = {name: fields[name].shape[1] for name in JOINT_FIELDS if name in fields}
    if len(set(joints.values())) > 1:
        raise ValueError(
            f"people must have one number of joints, got {joints}; "
            "with_fields sets several fields at once"
        )


def check_people(people: InstanceData) -> None:
    """Check a record that somebody else made.

    Raises:
        TypeError: a field is no tensor.
        ValueError: naming the field, what it is and what it must be.
    """
    fields = dict(people.items())
    if "bboxes" not in fields:
        raise ValueError(f"people need bboxes, got only {sorted(fields)}")
    for name, value in fields.items():
        if _as_field(name, value) is not value:
            _check_field(name, value)
    _check_together({"bboxes": fields["bboxes"], **fields})


def empty_people(
    image_shape: tuple[int, int],
    *,
    num_keypoints: int | None = None,
    device: torch.device | str = "cpu",
) -> People:
    """A record of nobody, with boxes, masks and, if asked for, keypoint fields.

    Args:
        image_shape: (H, W) of the image, for the masks.
        num_keypoints: K; None leaves the keypoint fields out.
        device: where the tensors lie.
    """
    fields = {
        "bbox_scores": torch.zeros(0, device=device),
        "masks": empty_masks(0, image_shape, device),
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


def concatenate_people(first: InstanceData, second: InstanceData) -> People:
    """Both records one after the other.

    Raises:
        ValueError: they do not have the same fields.
    """
    if set(first.keys()) != set(second.keys()):
        different = sorted(set(first.keys()) ^ set(second.keys()))
        raise ValueError(
            f"records with different fields cannot be joined; only one has {different}"
        )
    names = [name for name in first.keys() if name != "masks"]  # noqa: SIM118
    fields: dict = {name: torch.cat([first[name], second[name]]) for name in names}
    if "masks" in first:
        both = [with_fields(people).packed_masks for people in (first, second)]
        fields["masks"] = join_masks(both)
    return with_fields(People(), **fields)


def masks_to_bboxes(masks: Tensor, fallback: Tensor) -> Tensor:
    """Tight boxes of masks, edges at the outer side of the border pixels.

    Args:
        masks: (N, H, W) bool.
        fallback: (N, 4) xyxy, taken where a mask is empty.

    Returns:
        (N, 4) xyxy float32, image pixels.
    """
    return as_packed(masks).bboxes(fallback)
