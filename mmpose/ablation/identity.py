"""What a run is: the hash of all that decides its numbers, and of nothing else."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmpose.datasets.pose_metainfo import read_metainfo_file
from mmpose.engine.config import KNOWN_KEYS, load_config
from mmpose.files import write_json

CHUNK_BYTES = 1 << 24
MAX_PATH = 1000  # characters; longer texts are no names of files
NAMED = ("config", "checkpoint", "load_from")
"""Keys under which a config may name a file of the project in short."""
PLACES = frozenset(
    [
        *("work_dir", "log_level", "log_processor", "visualizer", "vis_backends", "launcher"),
        *("experiment_name", "resume", "cfg", "model_wrapper_cfg", "model.cache"),
        *("test_cfg.fresh", "env_cfg.mp_cfg", "env_cfg.dist_cfg"),
        *("default_hooks.logger", "default_hooks.timer", "default_hooks.visualization"),
    ]
)
"""Folders, logs and the like, which cannot change a number."""
NAMES = frozenset(
    [
        *("num_workers", "persistent_workers", "pin_memory", "prefetch_factor"),
        *("outfile_prefix", "collect_device", "collect_dir"),
    ]
)
"""The same, wherever they stand."""
OF_TRAINING = frozenset(
    [
        *("train_dataloader", "train_cfg", "optim_wrapper", "param_scheduler", "auto_scale_lr"),
        *("val_dataloader", "val_cfg", "val_evaluator", "custom_hooks", "default_hooks"),
        *("load_from", "load_from_allow", "find_unused_parameters"),
    ]
)
OF_TESTS = frozenset(["test_dataloader", "test_cfg", "test_evaluator", "checkpoint"])
NOT_READ = {"test": OF_TRAINING, "train": OF_TESTS}
READ_OF_PARTS = ("model", "data_preprocessor", "test_dataloader")
"""What a model made of others takes from the config of a part: its network and its pipeline."""
DATA_OF_PARTS = frozenset(
    ["data_root", "ann_file", "data_prefix", "bbox_file", "pretrained_file", "init_cfg"]
)

Locate = Callable[[str, str], Path | None]
"""(key, name) -> the file of a ``config`` or ``checkpoint`` that a config names; None: no file."""


def locate_nothing(key: str, name: str) -> Path | None:
    """For configs that name their files by paths alone."""
    return None


class Digests:
    """Hashes of files, remembered on disk by size and time of change.

    Args:
        store: JSON file; None remembers for this process alone.
    """

    def __init__(self, store: Path | None = None) -> None:
        self.store = store
        self.known: dict[str, list] = {}
        self.is_changed = False
        if store is not None and store.is_file():
            try:
                self.known = json.loads(store.read_text(encoding="utf-8"))
            except ValueError:  # only ever a shortcut
                self.known = {}

    def of(self, path: Path) -> str:
        """The hash of a file's content, 16 hexadecimal digits."""
        state = path.stat()
        stamp = [state.st_size, state.st_mtime_ns]
        known = self.known.get(str(path))
        if known is None or known[:2] != stamp:
            known = self.known[str(path)] = [*stamp, _hash_file(path)]
            self.is_changed = True
        return known[2]

    def save(self) -> None:
        """Write what is new."""
        if self.store is not None and self.is_changed:
            write_json(self.store, self.known)
            self.is_changed = False


def _hash_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()[:16]


class Identifier:
    """Says what of a config decides numbers.

    Args:
        root: of the project; folders count relative to it.
        digests: of the files that configs name.
        locate: files that configs name by a short name.
    """

    def __init__(self, root: Path, digests: Digests, locate: Locate = locate_nothing) -> None:
        self.root = root
        self.digests = digests
        self.locate = locate
        self._parts: dict[Path, Any] = {}
        self._skeletons: dict[str, Any] = {}

    def content(self, config: Mapping[str, Any], task: str) -> dict[str, Any]:
        """The resolved config of a task without folders, logs and workers, files by their hash.

        Args:
            config: as :func:`mmpose.engine.config.load_config` gives it.
            task: ``train`` or ``test``; what only the other reads is left out.
        """
        read = KNOWN_KEYS - NOT_READ[task]
        return self._content({key: value for key, value in config.items() if key in read})

    def _content(self, node: Any, place: str = "", data_root: str | None = None) -> Any:
        if isinstance(node, Mapping):
            data_root = node.get("data_root") or data_root
            inner = {name: f"{place}.{name}" if place else str(name) for name in node}
            return {
                str(name): self._content(value, inner[name], data_root)
                for name, value in node.items()
                if name not in NAMES and inner[name] not in PLACES
            }
        if isinstance(node, list | tuple):
            return [self._content(item, place, data_root) for item in node]
        if isinstance(node, str):
            return self._named(place.rsplit(".", 1)[-1], node, data_root)
        return _plain(node)

    def _named(self, key: str, text: str, data_root: str | None) -> Any:
        """A text, or what the file that it names holds."""
        if "{" in text or "\n" in text or len(text) > MAX_PATH:
            return text
        if key == "config" or (key in NAMED and "/" not in text):
            found = self.locate(key, text)
            if found is not None and key == "config":
                return self._part(found)
            if found is not None:
                return f"file {self.digests.of(found)}"
        if key == "from_file":
            return self._skeleton(text)
        # relative names are files only where they belong to data, or their key says so
        is_place = Path(text).is_absolute() or (data_root is not None and "." in text)
        is_place |= key.endswith("_file")
        path = Path(data_root or self.root, text)
        if is_place and path.is_file():
            return f"file {self.digests.of(path)}"
        if Path(text).is_absolute() and path.is_relative_to(self.root):
            return f"folder {path.relative_to(self.root)}"
        return text

    def _skeleton(self, name: str) -> Any:
        """What a metainfo file says, with its base: sigmas decide similarities."""
        if name not in self._skeletons:
            try:
                self._skeletons[name] = self._content(read_metainfo_file(name))
            except Exception:  # any Python may stand there; the data set tells whoever runs it
                self._skeletons[name] = name
        return self._skeletons[name]

    def _part(self, path: Path) -> Any:
        if path not in self._parts:
            config = load_config(path)
            read = {key: config[key] for key in READ_OF_PARTS if key in config}
            self._parts[path] = self._content(_without(read, DATA_OF_PARTS))
        return self._parts[path]


def _without(node: Any, names: frozenset[str]) -> Any:
    if isinstance(node, Mapping):
        return {key: _without(value, names) for key, value in node.items() if key not in names}
    if isinstance(node, list | tuple):
        return [_without(item, names) for item in node]
    return node


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return repr(value)


def hash_of(content: Any) -> str:
    """Of JSON-like content, 64 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
