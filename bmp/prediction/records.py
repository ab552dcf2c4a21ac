"""What was found in each image, on disk as soon as it is found, so that a run can go on."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mmpose.files import write_json

RECORDS = "records"


class Records:
    """One JSON file per image in a folder.

    Args:
        folder: of the run's outputs.
        settings: what decides the answers, such as config and options; an answer of other settings
            is not taken.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder / RECORDS
        text = json.dumps(settings, sort_keys=True, default=str)
        self.key = hashlib.sha256(text.encode()).hexdigest()[:16]

    def forget(self) -> None:
        """Drop what earlier runs found."""
        for path in self.folder.glob("*.json"):
            path.unlink()

    def load(self, source: Path, stem: str) -> dict[str, Any] | None:
        """What an earlier run found in the same file with the same settings, if it is all here."""
        path = self.folder / f"{stem}.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        is_same = record.get("of") == self._identity(source)
        outputs = (self.folder.parent / name for name in record.get("files", ()))
        return record if is_same and all(output.is_file() for output in outputs) else None

    def save(self, source: Path, stem: str, record: dict[str, Any]) -> None:
        """Keep what was found; ``files`` are outputs, relative to the run's folder."""
        content = record | {"of": self._identity(source)}
        write_json(self.folder / f"{stem}.json", content)

    def _identity(self, source: Path) -> dict[str, Any]:
        state = source.stat()
        return {
            "source": str(source.resolve()),
            "size": state.st_size,
            "changed": state.st_mtime_ns,
            "settings": self.key,
        }
