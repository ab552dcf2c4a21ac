"""Weights that a config's ``init_cfg`` names by their address, where there is no network."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import nn


def cached_file(address: str) -> Path:
    """Where mmengine looks for, and puts, the file of an address."""
    # mmengine downloads by torch.hub's loader, whose folder TORCH_HOME moves
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(address).path).name


def missing_start_weights(model: nn.Module) -> list[str]:
    """Addresses that the ``init_cfg`` of any part names and whose files are not on this machine."""
    # a dict, not a set: told in the order of the model's parts
    addresses = dict.fromkeys(
        address for module in model.modules() for address in _addresses(module)
    )
    return [address for address in addresses if not cached_file(address).is_file()]


def _addresses(module: nn.Module) -> Iterator[str]:
    init_cfg = getattr(module, "init_cfg", None)
    for entry in init_cfg if isinstance(init_cfg, list | tuple) else [init_cfg]:
        checkpoint = str(entry.get("checkpoint")) if isinstance(entry, dict) else ""
        if checkpoint.startswith(("http://", "https://")):
            yield checkpoint


def how_to_get_start_weights(model: nn.Module, reason: Exception) -> str:
    """What to do after a download failed: every file, its address and its folder."""
    lines = [
        f"\n  {cached_file(address).name}: get {address} and put it into "
        f"{cached_file(address).parent}"
        for address in missing_start_weights(model)
    ]
    return (
        f"weights that init_cfg of the model names could not be downloaded ({reason}). On a "
        f"machine with network:{''.join(lines)}\nor start without them, init_cfg=None of that part"
    )
