"""Where to compute."""

import torch


def pick_device(device: torch.device | str | None = None) -> torch.device:
    """The device asked for, if it is there.

    Args:
        device: a torch device; None or ``auto``: the GPU if there is one, else the CPU.

    Raises:
        ValueError: it is no device, or not on this machine.
    """
    if device is None or device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"unknown device {device!r}; use 'cpu', 'cuda' or 'cuda:1'") from error
    if chosen.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (chosen.index or 0) >= count:
            raise ValueError(
                f"device {str(chosen)!r} was asked for, but torch {torch.__version__} sees "
                f"{count} GPUs; use device='cpu', or check the driver with nvidia-smi"
            )
    return chosen
