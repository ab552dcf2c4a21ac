"""What records of people and results of the loop share: selecting people, one line about them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Rows = int | slice | Sequence[int] | Sequence[bool] | np.ndarray | Tensor


def select_rows(item: Rows, num_people: int) -> slice | Tensor:
    """What an index selects, as arrays and tensors take it; the axis of people always stays.

    Args:
        item: a number (counted from the end if negative), slice, numbers, or a bool for each.
        num_people: how many there are.

    Raises:
        IndexError: no such person, or another number of bools than people.
        TypeError: none of these.
    """
    if isinstance(item, np.ndarray | Tensor) and item.ndim == 0:
        item = item.item()  # what argmax gives
    if isinstance(item, slice):
        if item.step is None or item.step > 0:
            return item
        item = list(range(num_people)[item])  # torch has no backward slices
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        if not -num_people <= item < num_people:
            raise IndexError(f"no person {item} among {num_people} people")
        return slice(int(item) % num_people, int(item) % num_people + 1)
    if not isinstance(item, list | np.ndarray | Tensor):
        raise TypeError(
            f"people are selected by a number, slice, list, array or tensor, got {item!r}"
        )
    rows = torch.as_tensor(item)
    if rows.ndim != 1 or (rows.is_floating_point() and len(rows)) or rows.dtype == torch.uint8:
        raise TypeError(
            "people are selected by (N,) bools or whole numbers, got "
            f"{rows.dtype} of shape {tuple(rows.shape)}"
        )
    if rows.dtype != torch.bool:
        return rows.long()  # an empty list comes as float
    if len(rows) != num_people:
        raise IndexError(f"{len(rows)} bools cannot select among {num_people} people")
    return rows


def describe(people: Any, num_turns: int = 0) -> str:
    """One line about people: ``11 people, 480×640, masks, 17 joints, found in turns 9 + 2``.

    Args:
        people: a record, or a result of the loop; sizes are height × width.
        num_turns: how many turns there were, if known.
    """
    parts = ["1 person" if len(people) == 1 else f"{len(people)} people"]
    fields = people.stored() if hasattr(people, "stored") else people  # packed masks stay packed
    masks, keypoints, heatmaps, iteration = (
        fields.get(name) for name in ("masks", "keypoints", "heatmaps", "iteration")
    )
    if masks is not None:
        parts += ["×".join(map(str, masks.shape[1:])), "masks"]
    if keypoints is not None:
        parts.append(f"{keypoints.shape[1]} joints")
    if heatmaps is not None:
        parts.append("heatmaps " + "×".join(map(str, heatmaps.shape[2:])))
    if iteration is not None and len(people):
        count = Counter(iteration.tolist())
        if len(count) == 1 and num_turns < 2:
            parts.append(f"found in turn {min(count) + 1}")
        else:
            by_turn = [str(count[turn]) for turn in range(max(num_turns, max(count) + 1))]
            parts.append(f"found in turns {' + '.join(by_turn)}")
    return ", ".join(parts)
