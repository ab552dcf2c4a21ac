"""Settings of the loop, checked by the kind of each field before any model is loaded."""

import math
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, get_args


def check_kinds(settings: Any) -> None:
    """Refuse values of another kind than the fields of a dataclass of settings have.

    A word such as ``no`` for a switch would count as on, and a number of another kind would fail
    only once the models are loaded.

    Raises:
        ValueError: naming the field, its value and what it must be.
    """
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        kinds = get_args(entry.type) or (entry.type,)
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        or_none = " or None" if type(None) in kinds else ""
        if value is None and or_none:
            continue
        if bool in kinds and value not in (True, False):
            raise ValueError(f"{entry.name} must be True or False, got {value!r}")
        if int in kinds and not (is_number and isinstance(value, Integral)):
            raise ValueError(f"{entry.name} must be a whole number{or_none}, got {value!r}")
        if float in kinds and not (is_number and math.isfinite(value)):
            raise ValueError(f"{entry.name} must be a finite number{or_none}, got {value!r}")
