"""What a training that was killed leaves half written, and how to know that it is dead."""

import logging
import re
from pathlib import Path
from typing import IO

from mmengine.logging import print_log

from mmpose.files import PARTIAL, lock_folder

from .last_checkpoint import LAST

LOCK = ".training.lock"
# what whole_file writes beside a checkpoint or `last_checkpoint` until it is whole
_PARTIAL_NAME = re.compile(rf"\.(.+\.pth|{LAST})\.[0-9a-f]{{8}}{re.escape(PARTIAL)}")


def remove_partial_files(folder: str | Path) -> IO | None:
    """Remove what processes that died in the middle of a checkpoint left, hidden, in a folder.

    Where another training is alive there, nothing is removed, with a warning.

    Returns:
        As :func:`mmpose.files.lock_folder`.
    """
    left = [p for p in sorted(Path(folder).glob(f".*{PARTIAL}")) if _PARTIAL_NAME.fullmatch(p.name)]
    lock = lock_folder(folder, LOCK)
    if lock is None:
        print_log(
            f"another training seems to write into {folder}: two at once overwrite each other's "
            "checkpoints; give one of them a --work-dir of its own",
            logger="current",
            level=logging.WARNING,
        )
        return None
    for path in left:
        size = path.stat().st_size
        path.unlink(missing_ok=True)
        print_log(
            f"removed {path.name}, {size / 1e6:.1f} MB of a checkpoint that was never finished",
            logger="current",
        )
    return lock
