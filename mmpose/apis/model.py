"""Building a pose model from its config and weights, with what inference must know."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

import mmpose.codecs
import mmpose.models  # noqa: F401 - registers the classes that configs name
from mmpose.datasets import parse_pose_metainfo
from mmpose.datasets.transforms.window_fields import choose_padding
from mmpose.engine.checkpoint import load_checkpoint
from mmpose.engine.config import load_config, merge_options
from mmpose.engine.fast_steps import compile_part
from mmpose.engine.packed_linear import lay_out_for, pack_linears
from mmpose.models.heads import PerDatasetHead
from mmpose.registry import DATASETS, MODELS

# steps of a test pipeline that inference does itself or that leave its answer alone, with the
# options that it does not know and their neutral values
INFERENCE_OPTIONS = {
    "LoadImage": {"pad_to_aspect_ratio": False, "color_type": "color"},
    "GetBBoxCenterScale": {},
    "MaskBackground": {"prob": 1.0, "erode_prob": 0.0, "dilate_prob": 0.0},
    "TopdownAffine": {},
    "GenerateTarget": {},
    "PackPoseInputs": {},
}


@dataclass(frozen=True)
class CropSettings:
    """How the test pipeline of a config cuts crops.

    Attributes:
        input_size: (w, h) of the crop.
        padding: how much larger the window is than the box.
        mask_alpha: how much of the background outside a mask is taken away; 0: masks are unused.
        use_udp: border pixel centres map onto border pixel centres.
    """

    input_size: tuple[int, int]
    padding: float = 1.25
    mask_alpha: float = 0.0
    use_udp: bool = True


def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device = "cpu",
    cfg_options: dict | None = None,
    *,
    dataset: str | None = None,
    dtype: str | torch.dtype = torch.float32,
    compile: bool | str = False,
) -> nn.Module:
    """A pose model in evaluation mode.

    Args:
        config: a path or a loaded config.
        checkpoint: weights, loaded strictly; None leaves them random.
        device: where the model goes.
        cfg_options: values to replace in the config; see `load_config`. The knobs of a config that
            is loaded already have no more effect and are refused.
        dataset: for a config with one head per data set (`PerDatasetHead`): whose joints to predict
            on images, by the ``dataset_name`` of its metainfo, such as ``"mpii"``.
        dtype: float32 (``fp32``) or bfloat16 (``bf16``), in which the network's matrix products
            run; weights and everything else stay float32.
        compile: translate the backbone with ``torch.compile`` when it first runs (minutes on a
            CPU); a text names the backend.

    Returns:
        The model, with ``cfg``, ``dataset_meta`` and ``crop_settings`` set.

    Raises:
        ValueError: the weights or the skeleton do not fit the model, the dtype is another, or
            ``dataset`` is not one of the config's, is missing or of no use; with the choices.
    """
    if not isinstance(config, Config):
        config = load_config(config, cfg_options)
    elif cfg_options:
        # the caller's config stays as it is
        config = config.copy()
        merge_options(config, cfg_options)
    model_cfg = dict(config.model, train_cfg=None)
    with DefaultScope.overwrite_default_scope("mmpose"):  # whoever set another one before
        model = MODELS.build(model_cfg)
    meta = {} if checkpoint is None else load_checkpoint(model, checkpoint)
    model.cfg = config
    if isinstance(model.head, PerDatasetHead):
        model.head.default, model.dataset_meta = choose_dataset(config, dataset)
    elif dataset is not None:
        raise ValueError(
            f"dataset={dataset!r} chooses among heads, one a data set; this model has a single "
            "head: leave it out"
        )
    else:
        model.dataset_meta = find_dataset_meta(config, meta, model.head.num_keypoints)
    num_keypoints = len(model.dataset_meta["flip_indices"])
    if num_keypoints != model.head.num_keypoints:
        raise ValueError(
            f"the skeleton {model.dataset_meta.get('dataset_name')!r} has {num_keypoints} "
            f"keypoints, the head {model.head.num_keypoints}; name the fitting metainfo in the "
            "config's data set"
        )
    model.crop_settings = read_crop_settings(config)
    model.inference_dtype = read_dtype(dtype)
    if model.inference_dtype != torch.float32:
        model.to(memory_format=torch.channels_last)  # faster so, on CPUs and on tensor cores
    if compile:
        compile_part(model.backbone, backend=compile if isinstance(compile, str) else "inductor")
    pack_linears(model.backbone)
    return lay_out_for(device, model.to(device).eval())


def read_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """``fp32`` or ``bf16``, or their longer names, as a dtype.

    Raises:
        ValueError: another.
    """
    name = str(dtype).removeprefix("torch.")
    known = {"fp32": "float32", "float32": "float32", "bf16": "bfloat16", "bfloat16": "bfloat16"}
    if name not in known:
        raise ValueError(f"dtype must be 'fp32' or 'bf16', got {dtype!r}")
    return getattr(torch, known[name])


def find_dataset_meta(config: Config, checkpoint_meta: dict, num_keypoints: int) -> dict:
    """The skeleton a model was trained on, parsed.

    From the weights' meta data, else from the config's data sets (training first), else COCO. A
    stored skeleton that does not fit the head (a published config named one of 22 joints for a
    head of 21) is left out with a warning.
    """
    stored = checkpoint_meta.get("dataset_meta")
    if isinstance(stored, str):
        # safetensors keeps texts alone, so save_weights writes the skeleton as JSON
        stored = json.loads(stored)
    if stored and "flip_indices" in stored:
        if len(stored["flip_indices"]) == num_keypoints:
            return dict(stored)
        warnings.warn(
            f"the skeleton {stored.get('dataset_name')!r} in the weights has "
            f"{len(stored['flip_indices'])} keypoints, the head {num_keypoints}: that of the "
            "config is taken instead",
            stacklevel=3,
        )
    metainfos = [_metainfo_of(dataset) for dataset in _find_datasets(config)]
    return next(filter(None, metainfos), None) or parse_pose_metainfo({"from_file": "coco.py"})


def choose_dataset(config: Config, name: str | None) -> tuple[int, dict]:
    """Which part of a config's combined data set is meant.

    Args:
        config: with a `CombinedDataset`, whose parts have a head each.
        name: ``dataset_name`` of the part's metainfo; None where there is only one.

    Returns:
        Its number, which is that of its head, and its parsed metainfo.

    Raises:
        ValueError: there is no such part, or None was given and there are several.
    """
    combined = next((d for d in _find_datasets(config) if "datasets" in d), {"datasets": []})
    metainfos = [_metainfo_of(part) or {} for part in combined["datasets"]]
    names = [metainfo.get("dataset_name") for metainfo in metainfos]
    if name is None and len(names) == 1:
        return 0, metainfos[0]
    if name not in names:
        raise ValueError(
            f"this model has one head per data set: init_model(..., dataset=...) must be one of "
            f"{names}, got {name!r}"
        )
    return names.index(name), metainfos[names.index(name)]


def _find_datasets(config: Config) -> list[dict]:
    """Data sets of the config, that of training first."""
    # the head has the joints of its training data; those of a test may be others
    loaders = [config.get(f"{phase}_dataloader") or {} for phase in ("train", "val", "test")]
    return [loader["dataset"] for loader in loaders if loader.get("dataset")]


def _metainfo_of(dataset: dict) -> dict | None:
    """Parsed metainfo of a data set from its config: its own, else that of its class, if any."""
    metainfo = dataset.get("metainfo") or getattr(DATASETS.get(dataset["type"]), "METAINFO", None)
    return parse_pose_metainfo(dict(metainfo)) if metainfo else None


def read_crop_settings(config: Config) -> CropSettings:
    """Window and mask settings of the config's test pipeline.

    Steps and options that images of single calls do not go through are warned of.

    Raises:
        ValueError: the config has no test pipeline with TopdownAffine.
    """
    pipeline = _find_pipeline(config)
    steps = {step["type"]: step for step in pipeline}
    if "TopdownAffine" not in steps:
        raise ValueError(
            "the config's test_dataloader (or val_dataloader) has no pipeline with TopdownAffine, "
            f"only {list(steps)}; inference reads the crop size from it"
        )
    _warn_of_ignored_steps(pipeline)
    affine = steps["TopdownAffine"]
    masking = steps.get("MaskBackground")
    # What a step leaves out has the step's own default, such as a plain warp without UDP; those of
    # CropSettings differ.
    return CropSettings(
        input_size=tuple(affine["input_size"]),
        padding=choose_padding(
            steps.get("GetBBoxCenterScale", {}).get("padding"), affine.get("input_padding")
        ),
        mask_alpha=0.0 if masking is None else masking.get("alpha", 1.0),
        use_udp=affine.get("use_udp", False),
    )


def _warn_of_ignored_steps(pipeline: list[dict]) -> None:
    ignored = [step["type"] for step in pipeline if step["type"] not in INFERENCE_OPTIONS]
    ignored += [
        f"{step['type']}({option}={step[option]!r})"
        for step in pipeline
        for option, plain in INFERENCE_OPTIONS.get(step["type"], {}).items()
        if step.get(option, plain) != plain
    ]
    # unsaid, a call and a test of the same model could give different poses
    if ignored:
        warnings.warn(
            f"inference on images leaves out {', '.join(ignored)} of the test pipeline; "
            "tools/test.py runs them",
            stacklevel=3,
        )


def _find_pipeline(config: Config) -> list[dict]:
    for loader in ("test_dataloader", "val_dataloader"):
        dataset = (config.get(loader) or {}).get("dataset") or {}
        if dataset.get("pipeline"):
            return dataset["pipeline"]
    return []
