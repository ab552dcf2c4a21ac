"""Arrays kept on disk by what they were made of, so that nothing is computed twice.

A key is a hash of everything that decides the arrays, so nothing stale is ever read. Each file
begins with the hash of its own content: a damaged one is computed again, never trusted.
"""

import hashlib
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from safetensors import SafetensorError
from torch import Tensor

from mmpose.files import whole_file

SUFFIX = ".cache"
DIGEST_BYTES = 16
CHUNK_BYTES = 1 << 24  # of a file that is hashed

Hashable = str | bytes | np.ndarray | Tensor | None


def digest(*parts: Hashable) -> str:
    """One hash of texts, arrays and tensors, 32 hexadecimal digits.

    Shapes and dtypes count too, and where one part ends and the next begins.
    """
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        if isinstance(part, Tensor):
            # viewed as bytes: numpy has no bfloat16
            data = part.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            head = f"{part.dtype} {tuple(part.shape)}"
        elif isinstance(part, np.ndarray):
            data, head = np.ascontiguousarray(part), f"{part.dtype} {part.shape}"
        else:
            data = part.encode() if isinstance(part, str) else part or b""
            head = f"{type(part).__name__} {len(data)}"
        state.update(f"{head};".encode())
        state.update(data)
    return state.hexdigest()


def file_digest(path: str | os.PathLike) -> str:
    """The hash of a file's content."""
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            state.update(chunk)
    return state.hexdigest()


class DiskCache:
    """Named arrays by key, one file per key.

    Files appear whole or not at all, so processes may share a folder.

    Args:
        folder: of the files, made when missing.
        max_gib: nothing is added once the folder holds so much; what is free at the start is
            shared equally by the processes of a run.

    Raises:
        ValueError: there is no room.
        OSError: the folder cannot be made.
    """

    def __init__(self, folder: str | os.PathLike, max_gib: float = 20.0) -> None:
        if not max_gib > 0:
            raise ValueError(f"max_gib of a cache must be above 0, got {max_gib}; None is no cache")
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                f"the folder {folder} of a cache cannot be made ({error.strerror}): name another "
                "one, or take no cache (cache=None)"
            ) from error
        taken = sum(_size(path) for path in self.folder.glob(f"*{SUFFIX}"))
        self.free_bytes = (int(max_gib * 2**30) - taken) // get_world_size()
        self.is_full = False

    def read(self, key: str) -> dict[str, np.ndarray] | None:
        """The arrays of a key; None: unknown, or damaged, which is told."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._damaged(path, str(error))
        head, body = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if hashlib.blake2b(body, digest_size=DIGEST_BYTES).digest() != head:
            return self._damaged(path, "its content does not have its hash")
        try:
            return safetensors.numpy.load(body)
        except SafetensorError as error:
            return self._damaged(path, str(error))

    def write(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep the arrays of a key, if there is room."""
        size = sum(array.nbytes for array in arrays.values())
        if self.is_full or size > self.free_bytes:
            self._stop("max_gib is reached")
            return
        # safetensors writes the memory as it lies: strides must be plain
        plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        body = safetensors.numpy.save(plain)
        try:
            with whole_file(self._path(key)) as partial:
                head = hashlib.blake2b(body, digest_size=DIGEST_BYTES).digest()
                partial.write_bytes(head + body)
        except OSError as error:  # the disk is full: the run itself needs no cache
            self._stop(str(error))
        self.free_bytes -= size

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    @staticmethod
    def _damaged(path: Path, reason: str) -> None:
        _warn(f"{path} is damaged ({reason}) and is made again")

    def _stop(self, reason: str) -> None:
        """Add nothing more, and say so once."""
        if not self.is_full:
            _warn(f"the cache {self.folder} takes nothing more ({reason}): the rest is computed")
        self.is_full = True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process has just replaced it
        return 0


def _warn(line: str) -> None:
    print_log(line, logger="current", level=logging.WARNING)


def tensors_to_arrays(tensors: Iterable[Tensor], name: str = "level") -> dict[str, np.ndarray]:
    """Tensors as float32 arrays ``level_0``, ``level_1``, ... for :meth:`DiskCache.write`."""
    return {f"{name}_{i}": tensor.float().cpu().numpy() for i, tensor in enumerate(tensors)}
