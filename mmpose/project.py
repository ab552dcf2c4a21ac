"""Where the project lies, with ``configs/``, ``models/`` and ``outputs/`` beside the packages."""

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]
