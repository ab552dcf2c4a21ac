"""What a user can cause is told in one line with its fix; all commands go through this file.

Imports nothing heavy: commands ask here before they load OpenCV or torch.
"""

import errno
import importlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from mmpose.project import PROJECT_ROOT

TRACEBACK = "TRACEBACK"
"""Environment variable that shows where an error came from, in every command."""
INTERRUPTED = 130  # what shells give for Ctrl-C
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
OPENCV_FIX = "apt-get install -y libgl1 libglib2.0-0"


def user_error(error: BaseException) -> str | None:
    """What to tell of an error, None for one that only we can have caused.

    With the environment variable ``TRACEBACK`` every error keeps its traceback.
    """
    if os.environ.get(TRACEBACK):
        return None
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted"
    if isinstance(error, OSError | ImportError | ValueError):
        return explain(error)
    if isinstance(error, KeyError | TypeError) and _is_about_a_config(error):
        # KeyErrors quote themselves
        return f"{error.args[0]}; is a key or class of the config misspelt?"
    return None


def run_command(main: Callable[[], object]) -> None:
    """Run a command; what a user can fix is told on stderr instead of a traceback."""
    try:
        main()
    except (KeyboardInterrupt, Exception) as error:
        reason = user_error(error)
        if reason is None:
            raise
        if isinstance(error, KeyboardInterrupt):
            print(reason, file=sys.stderr)
            sys.exit(INTERRUPTED)
        sys.exit(f"error: {reason}\n({TRACEBACK}=1 shows where)")


def _is_about_a_config(error: KeyError | TypeError) -> bool:
    """Whether a config names a class that does not exist, or an argument that its class lacks."""
    reason = str(error)
    return " registry. Please check" in reason or "got an unexpected keyword argument" in reason


def explain(error: BaseException) -> str:
    """What is wrong, and what fixes it.

    Args:
        error: an exception that a user can cause.
    """
    if isinstance(error, ImportError):
        return _explain_import(error)
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        where = f" at {error.filename}" if error.filename else ""
        return f"the disk is full{where}; free some space and run again"
    return str(error).strip() or type(error).__name__


def _explain_import(error: ImportError) -> str:
    text = str(error)
    if ".so" in text and ("libGL" in text or "libgthread" in text or "libglib" in text):
        library = text.split(":")[0]
        return f"OpenCV needs the system library {library}; install it with: {OPENCV_FIX}"
    missing = getattr(error, "name", None)
    if (
        isinstance(error, ModuleNotFoundError)
        and missing
        and text == f"No module named {missing!r}"
    ):
        return f"the package {missing} is not installed; run `make install` in {PROJECT_ROOT}"
    return text


def import_extra(name: str, extra: str, purpose: str) -> ModuleType:
    """An optional package.

    Args:
        name: of the module.
        extra: of this project, which brings the package.
        purpose: what needs it, for the message.

    Raises:
        ImportError: it is not installed; names the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError(f"{purpose} needs {error.name}: pip install -e '.[{extra}]'") from error


def check_writable(
    folder: str | os.PathLike, option: str = "--out", *, free_mb: float = 0.0
) -> Path:
    """Make a folder and prove that files can be written there, before any long work.

    Args:
        folder: it and its parents are made.
        option: what chooses another one on the command line.
        free_mb: disk space needed, MB (10⁶ bytes).

    Raises:
        PermissionError: files cannot be written there; the message names the option.
        OSError: too little space (ENOSPC).
    """
    folder = Path(folder)
    probe = folder / f".probe.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
    except OSError as error:
        raise PermissionError(
            f"cannot write to {folder} ({error.strerror}); choose another folder with {option}"
        ) from error
    finally:
        if folder.is_dir():
            probe.unlink(missing_ok=True)
    free = shutil.disk_usage(folder).free / 1e6
    if free < free_mb:
        text = f"{free:.0f} MB free, {free_mb:.0f} MB needed"
        raise OSError(errno.ENOSPC, text, str(folder))
    return folder


def is_no_file(path: str | os.PathLike) -> bool:
    """Whether a path is a device or a pipe, such as /dev/stdout: written to, never replaced."""
    path = Path(path)
    # /dev/stdout may lead to a file; its name there is the system's all the same
    is_of_system = path.absolute().parent == Path("/dev")
    return is_of_system or (path.exists() and not path.is_file() and not path.is_dir())


def check_file_writable(path: str | os.PathLike, option: str = "--out") -> None:
    """Prove that a file can be written, before any long work; see :func:`check_writable`.

    Args:
        path: of the file; its folder is made.
        option: what chooses another one on the command line.

    Raises:
        IsADirectoryError: it is a folder.
        PermissionError: files cannot be written there.
    """
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file in it with {option}")
    if not is_no_file(path):
        check_writable(Path(path).parent, option)
