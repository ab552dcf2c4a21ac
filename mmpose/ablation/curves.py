"""Learning curves from what mmengine logs, ``scalars.json`` of each start of a training."""

import json
from pathlib import Path

SCALARS = "*/vis_data/scalars.json"
NOT_CURVES = ("step", "iter", "epoch", "time", "data_time", "memory")

Curve = tuple[list[int], list[float]]
"""Steps and values."""


def read_scalars(work_dir: Path) -> dict[str, Curve]:
    """All curves of a training by name, over its starts.

    Args:
        work_dir: of the training; of a run that was continued the later start's values count.
    """
    values: dict[str, dict[int, float]] = {}
    # folders are named by the time of the start
    for path in sorted(work_dir.glob(SCALARS)):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:  # cut off by a kill
                continue
            for name, value in entry.items():
                if name not in NOT_CURVES and isinstance(value, int | float) and "step" in entry:
                    values.setdefault(name, {})[entry["step"]] = float(value)
    return {
        name: (sorted(by_step), [by_step[step] for step in sorted(by_step)])
        for name, by_step in values.items()
    }
