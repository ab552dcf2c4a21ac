"""What a frozen image encoder makes of images, kept on disk.

A file's name is a hash of the encoder's weights, of the precision it works in and of the very
pixels it is given, after every transform; so nothing stale is ever read. Useful where the same
pixels come again: without random warps and colours.
"""

import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bmp.disk_cache import DiskCache, digest, tensors_to_arrays

NUM_LEVELS = 3


def weights_key(module: nn.Module) -> str:
    """A hash of names, shapes and values of all weights and buffers."""
    state = module.state_dict()
    return digest(*(part for name, value in state.items() for part in (name, value)))


class EmbeddingCache:
    """Maps of the image encoder by what they were made of.

    An image takes 4 C (S/16)² (1 + 4 + 16) bytes: 84 MiB for SAM 2 at C = 256 and S = 1024,
    2.6 MiB for the small model.

    Args:
        folder: see :class:`bmp.disk_cache.DiskCache`.
        max_gib: likewise.
    """

    def __init__(self, folder: str | os.PathLike, max_gib: float = 20.0) -> None:
        self.disk = DiskCache(folder, max_gib)

    def maps(
        self, inputs: Tensor, weights: str, encode: Callable[[Tensor], list[Tensor]]
    ) -> list[Tensor]:
        """Maps of images, read where they are known.

        Args:
            inputs: (B, 3, S, S) what the encoder is given.
            weights: of :func:`weights_key`.
            encode: makes the maps, finest first, of some of the images.
        """
        keys = [self.key(image, weights) for image in inputs]
        known = [self._maps(key, inputs.device) for key in keys]
        missing = [i for i, maps in enumerate(known) if maps is None]
        if missing:
            with torch.no_grad():
                made = encode(inputs[missing])
            for row, i in enumerate(missing):
                known[i] = [level[row] for level in made]
                self.disk.write(keys[i], tensors_to_arrays(known[i]))
        return [torch.stack(levels) for levels in zip(*known, strict=True)]

    @staticmethod
    def key(image: Tensor, weights: str) -> str:
        """Of the maps of an image (3, S, S)."""
        kind = image.device.type
        autocast = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        return digest(weights, str(autocast), image)

    def _maps(self, key: str, device: torch.device) -> list[Tensor] | None:
        arrays = self.disk.read(key)
        if arrays is None:
            return None
        return [torch.from_numpy(arrays[f"level_{i}"]).to(device) for i in range(NUM_LEVELS)]
