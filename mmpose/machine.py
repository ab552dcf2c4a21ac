"""Where and with what a run was made."""

import os
import platform
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "torchvision", "numpy", "mmengine", "mmdet", "sam2", "timm", "opencv-python")


def describe_machine(project: Path) -> dict[str, object]:
    """Commit, versions and machine, as JSON holds them.

    Args:
        project: folder of the code, for its commit; ``None`` is told where it is no repository.
    """
    commit = _git(project, "rev-parse", "HEAD")
    # new files are no change of what the commit names: results lie in the folder too
    changed = _git(project, "status", "--porcelain", "--untracked-files=no")
    return {
        "commit": commit,
        "is_dirty": None if changed is None else bool(changed),
        "versions": {"python": platform.python_version(), **_versions()},
        "host": socket.gethostname(),
        "processor": _processor(),
        "num_cores": os.cpu_count(),
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "executable": sys.executable,
    }


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
