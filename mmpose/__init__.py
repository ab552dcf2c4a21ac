"""Top-down 2D pose estimation in crowds: ViTPose, MaskPose, ProbPose and PMPose on mmengine.

Importing this package registers nothing and loads no framework beyond the standard library; the
sub-packages register their classes when they are imported. From then on mmdet imports on mmcv-lite
(:mod:`mmpose.mmcv_ops`).
"""

from collections.abc import Sequence
from importlib import metadata

from mmpose.mmcv_ops.finder import install_mmcv_ops

__version__ = "0.1.0"


def refuse_foreign_mmpose(distributions: Sequence[str] | None = None) -> None:
    """Stop when PyPI's own ``mmpose`` is installed: both own the import name ``mmpose``.

    Args:
        distributions: names of the installed distributions that provide ``mmpose``; asked of the
            environment when None.

    Raises:
        ImportError: another distribution provides ``mmpose``; the message tells how to fix it.
    """
    if distributions is None:
        try:
            distributions = [metadata.distribution("mmpose").metadata["Name"]]
        except metadata.PackageNotFoundError:
            distributions = []
    foreign = [name for name in distributions if name != "bbox-mask-pose"]
    if foreign:
        raise ImportError(
            f"the distribution {foreign[0]!r} from PyPI is installed beside bbox-mask-pose and "
            "overwrites its package 'mmpose'; run 'pip uninstall mmpose' and then "
            "'pip install --force-reinstall --no-deps' on this project again"
        )


refuse_foreign_mmpose()
install_mmcv_ops()
