"""What the segmenter is shown of people: points, boxes, masks, in any mix."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

UNUSED = -1  # label of an empty slot


@dataclass(frozen=True)
class Prompts:
    """Prompts of the N people of one image; slots that a person does not use are marked.

    Attributes:
        point_coords: (N, P, 2) x, y, image pixels.
        point_labels: (N, P) int64, 1 inside, 0 outside, -1 unused; used slots need not be first.
        bboxes: (N, 4) xyxy, image pixels.
        uses_bbox: (N,) bool, whose box is part of the prompt.
        mask_logits: (N, S/4, S/4) masks of the whole image to improve on, above 0 inside, such
            as the segmenter's own logits or those of :func:`masks_as_logits`; None: none.
        uses_mask: (N,) bool, whose mask is part of the prompt; None: everybody's, if given.

    Raises:
        TypeError: a field is of a wrong kind of number.
        ValueError: a shape does not fit, or a used number is not finite or no known label.
    """

    point_coords: Tensor
    point_labels: Tensor
    bboxes: Tensor
    uses_bbox: Tensor
    mask_logits: Tensor | None = None
    uses_mask: Tensor | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            is_optional = value is None and name in ("mask_logits", "uses_mask")
            if not is_optional and not isinstance(value, Tensor):
                raise TypeError(f"prompts.{name} must be a tensor, got {type(value).__name__}")
        # filled in here, so that nobody who reads prompts has to ask for None
        if self.uses_mask is None:
            everybody = torch.ones_like(self.uses_bbox, dtype=torch.bool)
            given = everybody if self.mask_logits is not None else ~everybody
            object.__setattr__(self, "uses_mask", given)
        self._check_shapes()
        self._check_numbers()

    def __repr__(self) -> str:
        counts = {
            ("person", "people"): len(self),
            ("point", "points"): int((self.point_labels != UNUSED).sum()),
            ("box", "boxes"): int(self.uses_bbox.sum()),
            ("mask", "masks"): int(self.uses_mask.sum()),
        }
        told = [f"{count} {names[count != 1]}" for names, count in counts.items() if count]
        return f"<Prompts: {', '.join(told) or 'nobody'}>"

    def _check_shapes(self) -> None:
        num_people, num_slots = len(self.point_coords), self.point_labels.shape[-1]
        shapes = {
            "point_coords": (num_people, num_slots, 2),
            "point_labels": (num_people, num_slots),
            "bboxes": (num_people, 4),
            "uses_bbox": (num_people,),
            "uses_mask": (num_people,),
        }
        if self.mask_logits is not None:
            shapes["mask_logits"] = (num_people, *[self.mask_logits.shape[-1]] * 2)
        for name, shape in shapes.items():
            got = tuple(getattr(self, name).shape)
            if got != shape:
                raise ValueError(f"prompts.{name} must be {shape}, got {got}")
        if self.mask_logits is None and self.uses_mask.any():
            raise ValueError("prompts.uses_mask is set, but there are no mask_logits")

    def _check_numbers(self) -> None:
        floats, bools = ["point_coords", "bboxes"], ["uses_bbox", "uses_mask"]
        floats += ["mask_logits"] if self.mask_logits is not None else []
        wrong = [name for name in floats if not getattr(self, name).is_floating_point()]
        wrong += [name for name in bools if getattr(self, name).dtype != torch.bool]
        # bools have no -1 for an empty slot
        if self.point_labels.is_floating_point() or self.point_labels.dtype == torch.bool:
            wrong.append("point_labels")
        if wrong:
            dtypes = ", ".join(f"{name} {getattr(self, name).dtype}" for name in wrong)
            raise TypeError(
                "prompts need floating-point point_coords, bboxes and mask_logits (masks_as_logits "
                "makes these of masks), integer point_labels and bool uses_bbox and uses_mask; "
                f"got {dtypes}"
            )
        # 2 and 3 are corners of a box to SAM: decoding sets them from `bboxes`, users do not
        used = self.point_labels != UNUSED
        if not torch.isin(self.point_labels[used], torch.tensor([0, 1]).to(used.device)).all():
            raise ValueError("prompts.point_labels must be 1 inside, 0 outside or -1 unused")
        # unused slots are never shown, so that they may hold anything
        numbers = [self.point_coords[used], self.bboxes[self.uses_bbox]]
        if self.mask_logits is not None:
            numbers.append(self.mask_logits[self.uses_mask])
        if not all(part.isfinite().all() for part in numbers):
            raise ValueError(
                "prompts that are used must be finite: points_as_prompts marks points that are "
                "not as unused"
            )

    def __len__(self) -> int:
        return len(self.point_coords)

    @property
    def is_prompted(self) -> Tensor:
        """(N,) bool, who has anything to be found by."""
        return self.uses_bbox | self.uses_mask | (self.point_labels != UNUSED).any(1)

    @classmethod
    def known_to_fit(cls, **fields: Tensor | None) -> "Prompts":
        """Prompts of fields that were checked or made right: a check would wait for the device."""
        made = object.__new__(cls)
        fields.setdefault("mask_logits", None)
        if fields.get("uses_mask") is None:
            fields["uses_mask"] = torch.zeros_like(fields["uses_bbox"])
        for name, value in fields.items():
            object.__setattr__(made, name, value)
        return made

    def select(self, rows: slice | Tensor) -> "Prompts":
        """The prompts of some people, by slice, index or (N,) bool."""
        return Prompts.known_to_fit(
            **{name: None if value is None else value[rows] for name, value in vars(self).items()}
        )

    def to(self, device: torch.device | str) -> "Prompts":
        """The same prompts on another device."""
        return Prompts.known_to_fit(
            **{n: None if v is None else v.to(device) for n, v in vars(self).items()}
        )

    def crop(self, window: tuple[int, int, int, int], image_shape: tuple[int, int]) -> "Prompts":
        """The same prompts in a piece of the image.

        Args:
            window: x1, y1, x2, y2, whole image pixels, ends not included.
            image_shape: (H, W) of the image.
        """
        from torchvision.ops import roi_align  # takes seconds, which the loop's data does not need

        offset = self.bboxes.new_tensor(window[:2])
        masks = self.mask_logits
        # roi_align fails on an empty list of boxes
        if masks is not None and len(masks):
            scale = masks.shape[-1] / masks.new_tensor([*image_shape[::-1]] * 2)
            boxes = (masks.new_tensor(window) * scale).expand(len(masks), -1)
            size = masks.shape[-1]  # one sample per pixel: bilinear interpolation of the piece
            # aligned: the older way would shift the piece by half a pixel
            masks = roi_align(
                masks[:, None], list(boxes[:, None]), size, sampling_ratio=1, aligned=True
            )[:, 0]
        return replace(
            self,
            point_coords=self.point_coords - offset,
            bboxes=self.bboxes - offset.repeat(2),
            mask_logits=masks,
        )


def masks_as_logits(masks: Tensor, size: int, *, certainty: float = 10.0) -> Tensor:
    """Masks as prompts.

    Args:
        masks: (N, H, W) bool.
        size: S/4 of the segmenter.
        certainty: logit of a pixel that is wholly inside.

    Returns:
        (N, size, size) float32, from ``-certainty`` to ``certainty`` by the share inside.
    """
    if len(masks) == 0:
        return torch.zeros(0, size, size, device=masks.device)
    # antialias: without it a pixel is read from four of the mask's, not from all that it covers
    inside = torch.nn.functional.interpolate(
        masks[:, None].float(), (size, size), mode="bilinear", align_corners=False, antialias=True
    )
    return (2 * inside[:, 0] - 1) * certainty


def points_as_prompts(point_coords: Tensor, point_labels: Tensor | None = None) -> Prompts:
    """Prompts of points alone.

    Args:
        point_coords: (N, P, 2) image pixels; points that are not finite are left out.
        point_labels: (N, P) 1 inside, 0 outside, -1 unused; None: all inside.
    """
    if point_labels is None:
        point_labels = torch.ones_like(point_coords[..., 0], dtype=torch.int64)
    finite = point_coords.isfinite().all(-1)
    bboxes = point_coords.new_zeros(len(point_coords), 4)
    return Prompts(
        point_coords.nan_to_num(0.0, 0.0, 0.0),
        torch.where(finite, point_labels.long(), UNUSED),
        bboxes,
        torch.zeros(len(point_coords), dtype=torch.bool, device=point_coords.device),
    )
