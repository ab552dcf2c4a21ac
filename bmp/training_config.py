"""A training config for a file of one's own, as a recommendation has it."""

import os
from dataclasses import dataclass
from pathlib import Path
from string import Template

from bmp.locations import PROJECT_ROOT, PUBLISHED, models_folder
from bmp.training_advice import Advice
from mmpose.datasets.file_check import FileCheck
from mmpose.engine.config import find_project_root
from mmpose.files import whole_file

WARM_UP = 500  # steps of the published schedule; a tenth of a shorter one
NUM_VALIDATIONS = 20

HEAD = Template('''"""Training on $source.

Written by `bmp data advise`$start.
"""

_base_ = ["$base"]

own_people = dict(
    type="CocoDataset",
    ann_file=$ann_file,
    data_prefix=dict(img=$images),
    metainfo=dict(from_file=$skeleton, dataset_name="own"),
)
val_people = dict(
    own_people,
    ann_file=$val_file,
    data_prefix=dict(img=$val_images),
    test_mode=True,
)
$note''')

PLAIN = Template("""
model = dict(head=dict(out_channels=$num_joints))
train_dataloader = dict(
    batch_size=$batch,
    sampler=dict(_delete_=True, type="DefaultSampler", shuffle=True),
    dataset=dict(own_people, _delete_=True, pipeline=_base_.train_pipeline),
)
val_dataloader = dict(
    batch_size=32,
    dataset=dict(val_people, _delete_=True, pipeline=_base_.val_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type="CocoMetric", ann_file=$val_file, prefix="COCO")
test_evaluator = val_evaluator
""")

MERGED = Template("""
# the published head of 23 joints stays; those that the file lacks are not trained
train_dataloader = dict(
    batch_size=$batch,
    sampler=dict(_delete_=True, type="DefaultSampler", shuffle=True),
    dataset=dict(
        _delete_=True,
        type="CombinedDataset",
        metainfo=_base_.metainfo,
        datasets=[own_people],
        keypoints_mapping=[_base_.coco_to_17],
        pipeline=_base_.train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=32,
    dataset=dict(
        _delete_=True,
        type="CombinedDataset",
        metainfo=_base_.metainfo,
        datasets=[val_people],
        keypoints_mapping=[_base_.coco_to_17],
        pipeline=_base_.val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True,
    type="MultiDatasetEvaluator",
    datasets=[val_people],
    metrics=[dict(type="CocoMetric", ann_file=$val_file, prefix="COCO")],
)
test_evaluator = val_evaluator
""")

SCHEDULE = Template("""
optim_wrapper = dict(optimizer=dict(lr=$rate))
auto_scale_lr = dict(base_batch_size=$batch)
train_cfg = dict(max_epochs=$epochs, val_interval=$interval)
param_scheduler = [
    dict(type="LinearLR", begin=0, end=$warm_up, start_factor=0.001, by_epoch=False),
    dict(
        type="MultiStepLR",
        begin=0,
        end=$epochs,
        milestones=[$first, $second],
        gamma=0.1,
        by_epoch=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=$interval))
load_from = $weights
load_from_allow = $allow
checkpoint = None
""")


@dataclass(frozen=True)
class ValidationData:
    """What a training is validated on.

    Attributes:
        file: annotations.
        images: folder of their images.
    """

    file: Path
    images: str


def check_can_write(path: Path, check: FileCheck) -> None:
    """Whether a config can be written, before what it says is worked out.

    Args:
        path: a .py file.
        check: of the file to train on.

    Raises:
        ValueError: the path is no .py file, the images or the skeleton are not known.
    """
    if path.suffix != ".py":
        raise ValueError(f"a config is a .py file, got {path}; give --write another name")
    if check.folder is None:
        raise ValueError(f"the images of {check.source} were not found; give --images FOLDER")
    if check.skeleton is None:
        raise ValueError(
            f"{check.source} has the joints of no bundled skeleton; write a metainfo file like "
            "mmpose/datasets/metainfo/coco.py and give --skeleton FILE"
        )


def write_training_config(
    path: Path, advice: Advice, check: FileCheck, validation: ValidationData | None
) -> Path:
    """Write the config that a recommendation describes.

    Args:
        path: a .py file.
        advice: the recommendation.
        check: of the file to train on.
        validation: None: the training people themselves, which the config says.

    Raises:
        ValueError: see :func:`check_can_write`.
    """
    check_can_write(path, check)
    text = training_config(path, advice, check, validation)
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def training_config(
    path: Path, advice: Advice, check: FileCheck, validation: ValidationData | None
) -> str:
    """The text of the config; see :func:`write_training_config`."""
    source = os.path.abspath(check.source)
    weights, allow = _start_weights(advice, check)
    is_merged = "MaskPose" in advice.config and check.skeleton == "coco.py"
    note = "" if validation else "# name other people than those of the training here\n"
    base = PROJECT_ROOT / "configs" / advice.config
    if find_project_root(path) == PROJECT_ROOT:
        base = Path(os.path.relpath(base, path.resolve().parent))
    skeleton = check.skeleton
    values = {
        "source": Path(source).name,
        "start": f"; start weights: `bmp download {Path(weights).name}`" if weights else "",
        "base": base,
        "ann_file": repr(source),
        "images": repr(os.path.abspath(check.folder)),
        "skeleton": repr(os.path.abspath(skeleton) if os.path.exists(skeleton) else skeleton),
        "val_file": repr(os.path.abspath(validation.file) if validation else source),
        "val_images": repr(os.path.abspath(validation.images if validation else check.folder)),
        "note": note,
        "num_joints": len(check.joint_names),
        "batch": advice.batch,
        "rate": f"{advice.learning_rate:.3g}",
        "epochs": advice.epochs,
        "interval": max(advice.epochs // NUM_VALIDATIONS, 1),
        "warm_up": min(WARM_UP, max(advice.steps // 10, 1)),
        "first": advice.epochs * 17 // 21,
        "second": advice.epochs * 20 // 21,
        "weights": repr(weights),
        "allow": repr(allow),
    }
    parts = (HEAD, MERGED if is_merged else PLAIN, SCHEDULE)
    return "".join(part.substitute(values) for part in parts)


def _start_weights(advice: Advice, check: FileCheck) -> tuple[str | None, list[str]]:
    """Published weights to start from, and what of the model they may lack."""
    family, size = advice.config.split("/")[0], _size(advice.config)
    name, allow = f"MaskPose-{size}-1.1.0.pth", ["head.final_layer.*"]
    if family == "ProbPose":
        own = f"ProbPose-{size}.pth"
        name, allow = (own, []) if own in PUBLISHED else (name, ["head.*"])
    elif family == "MaskPose" and check.skeleton == "coco.py":
        allow = []
    if name not in PUBLISHED:
        return None, []
    return str(models_folder() / name), allow


def _size(config: str) -> str:
    name = Path(config).name
    return name.split("-")[1][0] if name.startswith("MaskPose") else name.split("Pose-")[1][0]
