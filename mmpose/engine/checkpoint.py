"""Reading and writing weights, never running code that a file brings along.

Pickled checkpoints are read with torch's restricted unpickler and a list of exactly those classes
that mmengine and numpy put into them. Shipped weights are safetensors.
"""

import json
import pickle
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleParamScheduler
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mmpose.files import whole_file
from mmpose.structures.quantised import halve_weight, quantise_weights, restore_weights

from .file_kinds import kind_of, kind_of_bytes
from .hugging_face import fit_hugging_face
from .old_layouts import fit_old_layout

NESTED_ENTRIES = ("state_dict", "model")


# what files name by getattr: averages of mmengine's log, curves of its one-cycle schedule
_METHODS = {
    HistoryBuffer: ("min", "max", "mean", "current"),
    OneCycleParamScheduler: ("_annealing_cos", "_annealing_linear"),
}


def _allowed_method(owner: type, name: str) -> Callable:
    """What stands for ``getattr`` in a file."""
    # getattr of any other owner would reach every function of the process
    if name not in _METHODS.get(owner, ()):
        raise pickle.UnpicklingError(f"refused: getattr({owner!r}, {name!r}) in a checkpoint")
    return getattr(owner, name)


def _training_classes() -> list:
    """Classes that mmengine's checkpoints hold, arrays under both names that numpy gave them."""
    multiarray = np._core.multiarray
    rebuild, scalar = multiarray._reconstruct, multiarray.scalar
    # unpickling checks each dtype by a class of its own: np.dtype alone is not enough
    dtypes = {type(np.dtype(code)) for code in "?bBhHiIlLqQefdgFDOSUV"}
    return [
        *_METHODS,
        Config,
        ConfigDict,
        defaultdict,
        dict,
        np.ndarray,
        np.dtype,
        *sorted(dtypes, key=str),
        *[(rebuild, f"{numpy}.multiarray._reconstruct") for numpy in ("numpy.core", "numpy._core")],
        *[(scalar, f"{numpy}.multiarray.scalar") for numpy in ("numpy.core", "numpy._core")],
        (_allowed_method, "builtins.getattr"),
    ]


def allow_training_pickles() -> None:
    """Let ``torch.load(weights_only=True)`` read mmengine's training checkpoints from now on.

    Call it before mmengine resumes; it adds to torch's list for the whole process.
    """
    torch.serialization.add_safe_globals(_training_classes())


def load_state_dict_file(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and meta data of a file.

    Args:
        path: ``.safetensors``, or what ``torch.save`` wrote: a state dict, or a dict that holds
            one as ``state_dict`` or ``model``; or a folder that Hugging Face transformers wrote.

    Returns:
        The tensors on the CPU, without the prefix ``module.`` of a parallel wrapper, and ``meta``
        (empty where there is none).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut off, holds a class that is not on the list, or no weights.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path), {}
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path} (absolute: {path.absolute()})")
    state_dict, meta = (_read_safetensors if path.suffix == ".safetensors" else _read_pickle)(path)
    # all or none: a model may have a part called "module"
    if state_dict and all(key.startswith("module.") for key in state_dict):
        state_dict = {key.removeprefix("module."): value for key, value in state_dict.items()}
    return state_dict, meta


def _read_folder(folder: Path) -> dict[str, Tensor]:
    """Weights of a folder of transformers, of one file or of the parts that an index names."""
    index = folder / "model.safetensors.index.json"
    names = ["model.safetensors"]
    if index.is_file():
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"the folder {folder} lacks {', '.join(missing)}; expected a folder that Hugging Face "
            "transformers wrote (save_pretrained), or name a file of weights"
        )
    state_dict: dict[str, Tensor] = {}
    for name in names:
        state_dict |= _read_safetensors(folder / name)[0]
    return state_dict


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return restore_weights(stored), dict(file.metadata() or {})
    except SafetensorError as error:
        if kind := kind_of_bytes(path):
            raise ValueError(f"{path} holds no weights; it seems to be {kind}") from error
        raise ValueError(f"{path} is no whole safetensors file ({error}); get it again") from error


def _read_pickle(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with torch.serialization.safe_globals(_training_classes()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        lines = [line for line in str(error).splitlines() if "unsupported" in line.lower()]
        reason = (lines or str(error).splitlines() or ["it ends too early"])[0]
        reason = reason.split(" Please use")[0].strip()  # torch's advice is to trust the file
        if kind := kind_of_bytes(path):
            raise ValueError(f"{path} holds no weights; it seems to be {kind}") from error
        if "GLOBAL ultralytics." in reason:
            reason = f"it seems to be a YOLO of ultralytics, not its weights alone ({reason})"
        raise ValueError(
            f"{path} cannot be read safely: {reason}; if it was cut off, get it again; if you "
            "trust it, load it with torch.load(weights_only=False) yourself and save its "
            "state_dict alone"
        ) from error
    meta: dict[str, Any] = {}
    if isinstance(content, Mapping):
        meta = content.get("meta") or {}
        for entry in NESTED_ENTRIES:
            if isinstance(content.get(entry), Mapping):
                content = content[entry]
                break
    if not isinstance(content, Mapping) or not all(isinstance(v, Tensor) for v in content.values()):
        raise ValueError(
            f"{path} holds no weights: expected a state dict, or one under {NESTED_ENTRIES}"
        )
    return dict(content), dict(meta)


def load_checkpoint(
    model: nn.Module,
    path: str | Path,
    allow_missing: Sequence[str] = (),
    allow_unexpected: Sequence[str] = (),
) -> dict[str, Any]:
    """Fill a model with the weights of a file, strictly.

    Args:
        model: changed in place; the weights take its dtype and device.
        path: see :func:`load_state_dict_file`; official ViTPose files are renamed, and ViTPose
            and SAM 2 of Hugging Face transformers.
        allow_missing: patterns (``head.*``) of weights the file need not have; one that has
            another shape in the file keeps the model's values.
        allow_unexpected: patterns of weights the model need not have.

    Returns:
        The file's meta data.

    Raises:
        ValueError: names or shapes differ; the message lists what and how to allow it.
    """
    state_dict, meta = load_state_dict_file(path)
    expected = model.state_dict()
    seems = kind_of(state_dict)
    state_dict = fit_hugging_face(fit_old_layout(state_dict, expected), expected)
    # what may have another shape is left out: then it is missing, which is allowed as well
    shapes = {name: value.shape for name, value in expected.items()}
    for name in list(state_dict):
        if name in shapes and state_dict[name].shape != shapes[name] and _fits(name, allow_missing):
            del state_dict[name]
    missing, unexpected, wrong_shapes = _fill(model, state_dict)
    missing = [key for key in missing if not _fits(key, allow_missing)]
    unexpected = [key for key in unexpected if not _fits(key, allow_unexpected)]
    if missing or unexpected or wrong_shapes:
        raise ValueError(
            f"{path} does not fit {type(model).__name__}; it seems to be of {seems}:"
            + _listed("not in the file", missing)
            + _listed("not in the model", unexpected)
            + _listed("of another shape", wrong_shapes)
            + "\nTake the config that belongs to the weights, or name what may differ "
            "(load_from_allow in a config: patterns such as 'head.*')."
        )
    return meta


def _fill(
    model: nn.Module, state_dict: Mapping[str, Tensor]
) -> tuple[list[str], list[str], list[str]]:
    """Fill a model as far as it goes: names not in the file, not in the model, wrong shapes."""
    # a wrong shape raises before torch returns the names, but its hook has got them by then
    found: list[tuple[list[str], list[str]]] = []
    hook = model.register_load_state_dict_post_hook(lambda _, keys: found.append(tuple(keys)))
    wrong_shapes = []
    try:
        model.load_state_dict(state_dict, strict=False)
    except RuntimeError as error:  # torch lists wrong shapes one per line, after its own headline
        wrong_shapes = [line.strip() for line in str(error).splitlines()[1:]]
    finally:
        hook.remove()
    return *found[0], wrong_shapes


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _listed(title: str, names: Sequence[str], limit: int = 8) -> str:
    if not names:
        return ""
    rest = f"\n    ... and {len(names) - limit} more" if len(names) > limit else ""
    return f"\n  {len(names)} {title}:" + "".join(f"\n    {n}" for n in names[:limit]) + rest


def save_weights(
    state_dict: Mapping[str, Tensor],
    path: str | Path,
    meta: Mapping[str, str] | None = None,
    bits: int = 16,
) -> None:
    """Write weights as safetensors; the file appears whole or not at all.

    Args:
        state_dict: the tensors.
        path: ends in ``.safetensors``.
        meta: strings to store beside them; other values are written as JSON.
        bits: 32 stores the tensors as they are, 16 floating-point ones in half precision, 8 large
            ones as integers with a scale per row (:mod:`mmpose.structures.quantised`).

    Raises:
        ValueError: the name has another ending, ``bits`` is none of the three, or a value does
            not fit into them.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"the file name must end in .safetensors, got {path.name}")
    if bits not in (8, 16, 32):
        raise ValueError(f"bits must be 8, 16 or 32, got {bits}")
    if bits == 8:
        state_dict = quantise_weights(state_dict)
    elif bits == 16:
        state_dict = {
            name: halve_weight(name, value) if value.is_floating_point() else value
            for name, value in state_dict.items()
        }
    # a copy of each: the file format refuses tensors that share memory, such as tied layers
    tensors = {
        name: value.cpu().clone(memory_format=torch.contiguous_format)
        for name, value in state_dict.items()
    }
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in (meta or {}).items()}
    with whole_file(path) as partial:
        save_file(tensors, partial, metadata=texts)
        partial.chmod(0o644)  # safetensors makes it readable for its owner alone
