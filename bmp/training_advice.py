"""How to train a pose model on a file of one's own: config, batch, learning rate, length, why.

Rules of thumb; only the memory is counted (`mmpose.engine.training_memory`). The config that a
recommendation starts from is the published one of its family and size.
"""

import math
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmengine.config import Config

from bmp.locations import PROJECT_ROOT
from mmpose.analysis.people_statistics import PeopleStatistics
from mmpose.datasets.file_check import FileCheck
from mmpose.engine.config import load_config
from mmpose.engine.training_memory import TrainingMemory, training_memory

CONFIGS = {
    "ViTPose": {
        name[0]: f"vitpose/td-hm_ViTPose-{name}_8xb64-210e_coco-256x192.py"
        for name in ("small", "base", "large", "huge")
    },
    "ProbPose": {
        name[0]: f"ProbPose/td-pm_ProbPose-{name}_8xb64-210e_coco-256x192.py"
        for name in ("small", "base", "large", "huge")
    },
    "MaskPose": {size: f"MaskPose/MaskPose-{size}-1.1.0.py" for size in "sblh"},
}
SIZES = ((5_000, "s"), (100_000, "b"), (math.inf, "l"))
"""Up to how many people a size is recommended."""
CROWDED = 0.1  # IoU of boxes from which a neighbour is in the crop
CROWDED_SHARE = 0.2  # of the people, from which on the masks are worth their trouble
MASKED_SHARE = 0.5
OUTSIDE_SHARE = 0.01  # of the labelled joints
LEAST_BATCH, LEAST_STEPS_AN_EPOCH = 16, 20
LEAST_VIEWS = 128_000  # crops of a whole training: 2,000 steps of 64
MOST_EPOCHS = 1000
PUBLISHED_PEOPLE, PUBLISHED_EPOCHS = 149_813, 210  # of COCO train2017, by the published schedule
LARGE_IMAGE = 0.3e6  # pixels, COCO's 640 x 480; from there on decoding is most of the work
REACH = 2.6  # side of what augmentation may show, in heights of the person
GB = 1e9
LINE = 100  # characters of a reason


@dataclass(frozen=True)
class Advice:
    """A recommendation.

    Attributes:
        config: path of the base config below ``configs/``.
        batch: people a step.
        batch_float32: the largest power of two without ``--amp``.
        learning_rate: by the square root of the batch.
        epochs: passes over the people.
        steps: of all epochs.
        cache_bytes: of a crop cache, at most; None: images were not looked at.
        wants_cache: whether it saves more than it costs.
        reasons: sentences.
    """

    config: str
    batch: int
    batch_float32: int
    learning_rate: float
    epochs: int
    steps: int
    cache_bytes: float | None
    wants_cache: bool
    reasons: list[str] = field(default_factory=list)


def advise(check: FileCheck, statistics: PeopleStatistics, memory: float) -> Advice:
    """Recommend.

    Args:
        check: of the annotations to train on.
        statistics: of its people.
        memory: of the GPU, bytes.

    Raises:
        ValueError: nobody can be trained on, or the GPU is too small for the smallest model.
    """
    num_people = check.num_used
    if not num_people:
        raise ValueError(
            f"{check.source} has nobody with a labelled joint; `bmp data check` says why"
        )
    reasons: list[str] = []
    family = choose_family(check, statistics, reasons)
    size, config, counted = _choose_size(family, num_people, memory, reasons)
    batch = choose_batch(counted, num_people, memory, base_batch(config), reasons)
    float32 = training_memory(config)
    batch_float32 = power_of_two(float32.most_people(memory))
    reasons.append(
        f"Memory: {counted.per_person / 1e6:.0f} MB a person and {counted.fixed / GB:.1f} GB for "
        f"weights and AdamW with --amp ({float32.per_person / 1e6:.0f} MB and "
        f"{float32.fixed / GB:.1f} GB without): what the backward pass keeps, counted without a "
        f"GPU. {counted.of_batch(batch) / GB:.1f} GB for this batch includes an allowance of 15 % "
        "and 0.8 GB."
    )
    rate, base = float(config.optim_wrapper.optimizer.lr), base_batch(config)
    root, linear = rate * math.sqrt(batch / base), rate * batch / base
    reasons.append(
        f"Learning rate: the config has {rate:g} at a batch of {base}. AdamW's noise is kept by "
        f"the square root of the batch ({root:.2g}); in proportion to it would be {linear:.2g}. "
        "Try both if you can try two."
    )
    epochs = choose_epochs(num_people, reasons)
    steps = epochs * math.ceil(num_people / batch)
    needed = cache_bytes(check)
    wants_cache = _wants_cache(statistics, epochs, needed, reasons)
    return Advice(
        *(CONFIGS[family][size], batch, batch_float32, root, epochs, steps),
        *(needed, wants_cache, reasons),
    )


def choose_family(check: FileCheck, statistics: PeopleStatistics, reasons: list[str]) -> str:
    """ViTPose, ProbPose or MaskPose, by what is annotated.

    Args:
        check: of the file.
        statistics: of its people.
        reasons: gets a sentence.
    """
    counts = statistics.visibility.sum(0)
    outside = counts[3] / max(counts[1:].sum(), 1)
    crowded = float((statistics.box_overlap >= CROWDED).mean()) if statistics.num_people else 0.0
    overlap = f"{crowded:.0%} of the people have a neighbour with an IoU of {CROWDED} and more"
    masks = f"{statistics.mask_share:.0%} have a mask"
    if crowded >= CROWDED_SHARE and statistics.mask_share >= MASKED_SHARE:
        reasons.append(
            f"MaskPose: {overlap} and {masks}, which tells the model whom it poses. PMPose adds "
            "presence, visibility and expected OKS afterwards, on the frozen backbone."
        )
        return "MaskPose"
    if outside >= OUTSIDE_SHARE and check.skeleton is not None and len(check.joint_names) == 17:
        reasons.append(
            f"ProbPose: {outside:.1%} of the labelled joints lie outside the image (v of 3), "
            "which only maps of probabilities learn."
        )
        return "ProbPose"
    more = ""
    if crowded >= CROWDED_SHARE:
        more = " With masks MaskPose would do better; any segmenter prompted with joints makes them"
        more += ", one `segmentation` a person."
    reasons.append(f"ViTPose, plain crops: {overlap}, {masks}.{more}")
    return "ViTPose"


def _choose_size(
    family: str, num_people: int, memory: float, reasons: list[str]
) -> tuple[str, Config, TrainingMemory]:
    """The size for so many people, or the largest smaller one that fits the memory."""
    wanted = next(size for most, size in SIZES if num_people <= most)
    sizes = [size for _, size in SIZES]
    for size in reversed(sizes[: sizes.index(wanted) + 1]):
        config = load_config(PROJECT_ROOT / "configs" / CONFIGS[family][size])
        counted = training_memory(config, bfloat16=True)
        if counted.most_people(memory) >= LEAST_BATCH:
            smaller = "" if size == wanted else f"; size {wanted} does not fit {LEAST_BATCH} people"
            reasons.append(
                f"Size {size}: {num_people:,} people can be trained on (s to 5,000, b to 100,000, "
                f"then l){smaller}."
            )
            return size, config, counted
    raise ValueError(
        f"{memory / GB:g} GB do not hold {LEAST_BATCH} people of the smallest model, which needs "
        f"{counted.of_batch(LEAST_BATCH) / GB:.1f} GB; the models of configs/demo train on a CPU"
    )


def base_batch(config: Config) -> int:
    """The batch that a config's learning rate is for."""
    scale = config.get("auto_scale_lr") or {}
    return int(scale.get("base_batch_size") or config.train_dataloader.batch_size)


def power_of_two(number: float) -> int:
    """The largest one up to a number; 0 below 1."""
    return 2 ** int(math.log2(number)) if number >= 1 else 0


def choose_batch(
    counted: TrainingMemory, num_people: int, memory: float, base: int, reasons: list[str]
) -> int:
    """The largest power of two within the memory, the published batch, and 20 steps an epoch.

    Args:
        counted: memory of the model.
        num_people: to train on.
        memory: of the GPU, bytes.
        base: batch of the published schedule.
        reasons: gets a sentence.
    """
    limits = {
        f"{memory / GB:g} GB of memory hold {counted.most_people(memory)}": power_of_two(
            counted.most_people(memory)
        ),
        f"the published schedule has {base}": power_of_two(base),
        f"an epoch should have {LEAST_STEPS_AN_EPOCH} steps": max(
            power_of_two(num_people / LEAST_STEPS_AN_EPOCH), LEAST_BATCH
        ),
        f"there are {num_people} people": power_of_two(num_people),
    }
    why = min(limits, key=limits.__getitem__)
    reasons.append(f"Batch: {limits[why]}, the power of two that all limits allow: {why}.")
    return limits[why]


def choose_epochs(num_people: int, reasons: list[str]) -> int:
    """As published, but at least 128,000 crops, and at most those of the published schedule.

    Never more than 1,000.

    Args:
        num_people: to train on.
        reasons: gets a sentence.
    """
    views = PUBLISHED_EPOCHS * num_people
    most = PUBLISHED_EPOCHS * PUBLISHED_PEOPLE
    epochs = min(math.ceil(min(max(views, LEAST_VIEWS), most) / num_people), MOST_EPOCHS)
    why = "as published"
    if views < LEAST_VIEWS:
        why = f"more than the published {PUBLISHED_EPOCHS}, up to {LEAST_VIEWS:,} crops in all"
        why += "; watch the validation, so few people are soon learnt by heart"
    elif views > most:
        why = f"as many crops as {PUBLISHED_EPOCHS} epochs of COCO"
    reasons.append(f"Epochs: {epochs}, {why}.")
    return epochs


def cache_bytes(check: FileCheck) -> float | None:
    """What a crop cache takes at most: the pixels that augmentation may show; None if unknown."""
    images = {image["id"]: image for image in check.content["images"]}
    total = 0.0
    for person in check.content["annotations"]:
        image = images[person["image_id"]]
        if person["iscrowd"] or not person["num_keypoints"]:
            continue
        if image["width"] is None or image["height"] is None:
            return None
        # crops are 3 : 4; a wide person's is as high as the width needs
        side = REACH * max(person["bbox"][3], person["bbox"][2] * 4 / 3)
        total += 3 * min(side, image["width"]) * min(side, image["height"])
    return total


def _wants_cache(
    statistics: PeopleStatistics, epochs: int, needed: float | None, reasons: list[str]
) -> bool:
    if needed is None or not len(statistics.image_pixels):
        reasons.append("Crop cache: sizes of images are not known.")
        return False
    median = float(np.median(statistics.image_pixels))
    is_large = median >= LARGE_IMAGE
    verdict = "worth it" if is_large and epochs > 1 else "not worth it"
    reasons.append(
        f"Crop cache: {verdict}. Images have {median / 1e6:.2f} megapixels (median), which "
        f"training decodes for each person and epoch; the cache takes at most "
        f"{needed / GB:.2f} GB of disk."
    )
    return is_large and epochs > 1


def format_advice(advice: Advice, written: Path | None) -> str:
    """The recommendation as text."""
    name = written or "CONFIG"
    lines = [
        f"config         configs/{advice.config}",
        f"batch          {advice.batch} with --amp ({advice.batch_float32} fit without)",
        f"learning rate  {advice.learning_rate:.3g} (AdamW)",
        f"length         {advice.epochs} epochs, {advice.steps:,} steps",
        f"crop cache     {'yes' if advice.wants_cache else 'no'}",
        "",
        *(textwrap.fill(reason, LINE, subsequent_indent="  ") for reason in advice.reasons),
        "",
    ]
    if written is None:
        lines.append("--write CONFIG, a .py file, gives the config that is meant here:")
    option = ""
    if advice.wants_cache:
        lines.append(f"python tools/datasets/crop_cache.py {name} --out FOLDER")
        option = " --cfg-options train_dataloader.dataset.crop_cache=FOLDER"
    return "\n".join([*lines, f"python tools/train.py {name} --amp{option}"])
