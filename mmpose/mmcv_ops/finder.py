"""Lets Python find a stand-in where mmcv's compiled ops are missing, so that mmdet imports.

The finder stands last in Python's list: it is asked for ``mmcv._ext`` only when mmcv itself has no
such module, so that compiled mmcv is left alone. Until then nothing is loaded, and the order of
imports does not matter as long as ``mmpose`` comes before mmdet's models.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

EXTENSION = "mmcv._ext"
STAND_IN = Path(__file__).parent / "stand_in.py"


class _StandInFinder(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        return spec_from_file_location(fullname, STAND_IN) if fullname == EXTENSION else None


def install_mmcv_ops() -> None:
    """Offer the stand-in to Python's import system; calling it again does nothing."""
    if not any(isinstance(finder, _StandInFinder) for finder in sys.meta_path):
        sys.meta_path.append(_StandInFinder())


def leave_out_text_models() -> None:
    """Keep mmpretrain's models of text from being imported; for a process that has none of them.

    They want transformers of 2023. Beside a later one they stop the import of all of mmpretrain's
    models, and of mmdet's, which import mmpretrain wherever it is installed.
    """
    if find_spec("mmpretrain") is None:
        return
    with suppress(ImportError):  # a package that it needs is absent: then mmdet does without it
        import_module("mmpretrain.utils.dependency").WITH_MULTIMODAL = False


def require_mmcv() -> None:
    """Raise ModuleNotFoundError with the fix if there is no mmcv at all."""
    if find_spec("mmcv") is None:
        raise ModuleNotFoundError(
            "mmdet needs mmcv: pip install 'mmcv-lite>=2.1,<2.2' (pure Python, nothing to compile)"
        )
