"""Learning curves of a training over all its starts."""

from pathlib import Path

from mmpose.engine.run_logs import Curve, join, last_chain, read_starts

# how fast it went is no curve of what was learned, and never the same twice
NOT_CURVES = ("time", "data_time", "memory", "people_per_s", "wait_share")
GROUPS = ("train/", "val/")


def read_scalars(work_dir: Path) -> dict[str, Curve]:
    """All curves of a training by name, without the groups of the log.

    Args:
        work_dir: of the training; of a run that was continued the later start's values count.

    Returns:
        ``loss``, ``coco/AP`` and so on; nothing where nothing was logged.
    """
    try:
        curves = join(last_chain(read_starts(work_dir)))
    except FileNotFoundError:
        return {}
    names = {name: next((g for g in GROUPS if name.startswith(g)), None) for name in curves}
    plain = {name.removeprefix(g): curves[name] for name, g in names.items() if g is not None}
    return {name: curve for name, curve in plain.items() if name not in NOT_CURVES}
