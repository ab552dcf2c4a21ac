"""What a frozen image encoder makes of images, kept on disk.

A file's name is a hash of the encoder's weights, of the precision it works in and of the very
pixels it is given, after every transform; so nothing stale is ever read. Useful where the same
pixels come again: without random warps and colours.
"""

import hashlib
import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from torch import Tensor, nn

from mmpose.files import whole_file

NUM_LEVELS = 3


def weights_key(module: nn.Module) -> str:
    """A hash of names, shapes and values of all weights and buffers."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in module.state_dict().items():
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(_bytes(value))
    return digest.hexdigest()


def _bytes(value: Tensor) -> bytes:
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


class EmbeddingCache:
    """Maps of the image encoder by what they were made of.

    An image takes 4 C (S/16)² (1 + 4 + 16) bytes: 84 MiB for SAM 2 at C = 256 and S = 1024,
    2.6 MiB for the small model. Files appear whole or not at all, so processes may share a folder;
    a damaged one is made again and reported.

    Args:
        folder: of the files, made when missing.
        max_gib: nothing is added once the folder holds so much; what is free at the start is
            shared equally by the processes of a run.
    """

    def __init__(self, folder: str | os.PathLike, max_gib: float = 20.0) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        taken = sum(path.stat().st_size for path in self.folder.glob("*.npz"))
        self.free_bytes = (int(max_gib * 2**30) - taken) // get_world_size()
        self.is_full = False

    def maps(
        self, inputs: Tensor, weights: str, encode: Callable[[Tensor], list[Tensor]]
    ) -> list[Tensor]:
        """Maps of images, read where they are known.

        Args:
            inputs: (B, 3, S, S) what the encoder is given.
            weights: of :func:`weights_key`.
            encode: makes the maps, finest first, of some of the images.
        """
        paths = [self.path(image, weights) for image in inputs]
        known = [self._read(path, inputs.device) for path in paths]
        missing = [i for i, maps in enumerate(known) if maps is None]
        if missing:
            with torch.no_grad():
                made = encode(inputs[missing])
            for row, i in enumerate(missing):
                known[i] = [level[row] for level in made]
                self._write(paths[i], known[i])
        return [torch.stack(levels) for levels in zip(*known, strict=True)]

    def path(self, image: Tensor, weights: str) -> Path:
        """Where the maps of an image (3, S, S) lie."""
        kind = image.device.type
        autocast = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        digest = hashlib.blake2b(f"{weights} {autocast}".encode(), digest_size=16)
        digest.update(_bytes(image))
        return self.folder / f"{digest.hexdigest()}.npz"

    def _read(self, path: Path, device: torch.device) -> list[Tensor] | None:
        if not path.is_file():
            return None
        try:
            with np.load(path) as file:  # a zip archive, whose parts carry check sums
                stored = [file[f"level_{i}"] for i in range(NUM_LEVELS)]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            print_log(
                f"{path} is damaged ({error}) and is made again",
                logger="current",
                level=logging.WARNING,
            )
            return None
        return [torch.from_numpy(level).to(device) for level in stored]

    def _write(self, path: Path, maps: list[Tensor]) -> None:
        arrays = {f"level_{i}": level.float().cpu().numpy() for i, level in enumerate(maps)}
        size = sum(array.nbytes for array in arrays.values())
        if self.is_full or size > self.free_bytes:
            self._stop("max_gib is reached")
            return
        try:
            with whole_file(path) as partial, partial.open("wb") as file:
                np.savez(file, **arrays)
        except OSError as error:  # the disk is full
            self._stop(str(error))
        self.free_bytes -= size

    def _stop(self, reason: str) -> None:
        """Add nothing more, and say so once."""
        if not self.is_full:
            print_log(
                f"the embedding cache {self.folder} takes nothing more ({reason}): other images "
                "are encoded each time",
                logger="current",
                level=logging.WARNING,
            )
        self.is_full = True
