"""Whether all that an evaluation of the loop reads is there, told before it runs for hours.

Nothing is downloaded and no model is loaded.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from bmp.detectors.box_file import BoxFileDetector
from bmp.detectors.true_boxes import TrueBoxDetector
from bmp.evaluation.coco_images import check_same_images
from bmp.evaluation.image_check import Fact, check_images, find_below
from bmp.locations import locate_checkpoint, models_folder, published_address
from bmp.registry import METRICS
from mmpose.datasets.annotation_files import how_to_get
from mmpose.datasets.coco_file import CocoContent, read_people

KNOWN_BOXES = {kind.__name__: kind for kind in (BoxFileDetector, TrueBoxDetector)}
BOX_FILES = ("box_file", "ids_file")
LEAST_WEIGHTS = 1000  # bytes; a pointer that git-lfs leaves in place of a file has fewer


def check_evaluation(config: Config) -> list[Fact]:
    """What a config of the loop needs: data, boxes of a file, weights.

    Args:
        config: see `mmpose.engine.config.load_config`.

    Returns:
        One fact per thing, those that are missing or misplaced with their fix.

    Raises:
        ValueError: it is no config of the loop.
    """
    model = config.get("model") or {}
    if not {"detector", "pose_model", "segmenter"} <= set(model):
        raise ValueError(
            f"{config.filename} is no config of the loop; those of configs/bmp can be checked"
        )
    dataset = config.test_dataloader.dataset
    root = dataset.get("data_root", "")
    path = Path(root, dataset.ann_file)
    folder = Path(root, dataset.get("data_prefix", {}).get("img", ""))
    facts, content = check_annotations(path, root, config.get("expected"))
    if content is None:
        is_there = folder.is_dir()
        facts.append(Fact(f"folder of images {folder}", None if is_there else how_to_get(folder)))
        facts += check_box_files(model.detector, root)
    else:
        facts += check_images(content["images"], folder, root, str(path))
        facts += _usable("evaluator", lambda: _build_evaluator(config, content["images"]))
        lacking = check_box_files(model.detector, root)
        facts += lacking or check_boxes(model.detector, content, str(path))
    return [*facts, *check_weights(model)]


def _build_evaluator(config: Config, images: Sequence[dict]) -> None:
    """Of annotations of the images that are predicted."""
    metric = METRICS.build(dict(config.test_evaluator))
    named = [(image["id"], str(image["file_name"])) for image in images if "file_name" in image]
    check_same_images(named, metric.annotations["images"], metric.ann_file)


def check_annotations(
    path: Path, data_root: str, expected: Mapping[str, int] | None
) -> tuple[list[Fact], CocoContent | None]:
    """Whether an annotation file is there, can be read and is the whole released one.

    Args:
        path: of the file.
        data_root: folder of the data set, where a misplaced one is looked for.
        expected: ``num_images`` and ``num_people`` of the released file, where known.
    """
    if not path.is_file():
        place = find_below(data_root, path.name)
        fix = how_to_get(path)
        if place is not None:
            fix = f"it is {place}: move it, or set ann_file={place.relative_to(data_root)}"
        return [Fact(f"annotations {path}", fix)], None
    try:
        content = read_people(path, needs_annotations=False)
    except ValueError as error:
        return [Fact(f"annotations {path}", str(error))], None
    counts = {
        "num_images": len(content["images"]),
        "num_people": len(content["annotations"]) + content["left_out"]["without a box"],
    }
    found = f"{counts['num_images']} images, {counts['num_people']} people"
    facts = [Fact(f"annotations {path}: {found}")]
    for name, wanted in (expected or {}).items():
        what = f"{name.removeprefix('num_')} in the annotations: {counts[name]} of {wanted}"
        if counts[name] < wanted:
            facts.append(Fact(what, "the file is cut, or a part of the set; take the released one"))
        elif counts[name] > wanted:
            facts.append(Fact(what, is_note=True))
    return facts, content


def check_box_files(detector: Mapping[str, Any], data_root: str) -> list[Fact]:
    """The files of given boxes that are not there, and where they are instead.

    Args:
        detector: config of the loop's detector.
        data_root: folder of the data set, where misplaced ones are looked for.
    """
    facts = []
    for key in BOX_FILES:
        path = detector.get(key)
        if path is None or Path(path).exists():
            continue
        place = find_below(data_root, Path(path).name)
        fix = how_to_get(path)
        if place is not None:
            fix = f"it is {place}: move it, or set model.detector.{key}={place}"
        facts.append(Fact(f"{key} of the detector {path}", fix))
    return facts


def check_boxes(detector: Mapping[str, Any], content: CocoContent, source: str) -> list[Fact]:
    """Whether boxes that are given belong to the annotated images.

    Args:
        detector: config of the loop's detector.
        content: completed annotations.
        source: their name.
    """
    kind = KNOWN_BOXES.get(detector.get("type", ""))
    if kind is None:
        return []
    arguments = {key: value for key, value in detector.items() if key not in ("type", "later")}
    made: list = []
    facts = _usable(f"boxes of {kind.__name__}", lambda: made.append(kind(**arguments)))
    if not made or kind is TrueBoxDetector:
        return facts
    with_boxes = set(made[0].by_image)
    listed = {str(image["id"]) for image in content["images"]}
    told = f"{len(with_boxes & listed)} of {len(listed)} images have boxes in {made[0].box_file}"
    if not with_boxes & listed:
        first = [min(ids, default="none") for ids in (with_boxes, listed)]
        fix = (
            f"its image ids, such as {first[0]}, are not those of {source}, such as {first[1]}: "
            "give detector.ids_file, the annotations whose ids it has, and detector.ann_file"
        )
        return [*facts, Fact(told, fix)]
    unlisted = len(with_boxes - listed)
    if unlisted:
        told += f", and {unlisted} images that are not listed"
    return [*facts, Fact(told, is_note=unlisted > 0 or len(with_boxes & listed) < len(listed))]


def check_weights(model: Mapping[str, Any]) -> list[Fact]:
    """Whether the weights of all parts are on this machine."""
    facts = []
    for name, part in _parts(model):
        checkpoint = part.get("checkpoint")
        if checkpoint is None:
            facts.append(Fact(f"weights of {name}: none, it has random ones", is_note=True))
            continue
        place = locate_checkpoint(checkpoint)
        if place is None:
            url = published_address(checkpoint)
            fix = f"get it from {url}" if url else "it is not a published one: train it"
            told = f"weights of {name}: {checkpoint}"
            later = ", or leave it to the first run" if url else ""
            facts.append(Fact(told, f"{fix} and put it into {models_folder()}{later}"))
        elif place.stat().st_size < LEAST_WEIGHTS:
            fix = f"it has {place.stat().st_size} bytes and is no whole file: get it again"
            facts.append(Fact(f"weights of {name}: {place}", fix))
        else:
            facts.append(Fact(f"weights of {name}: {place}"))
    return facts


def _parts(model: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parts of the loop that have weights; of a detector of given boxes the later one."""
    detector = model["detector"]
    if detector.get("type") in KNOWN_BOXES:
        detector = detector.get("later")
    if detector is not None:
        yield "detector", detector
    yield "pose_model", model["pose_model"]
    yield "segmenter", model["segmenter"]


def _usable(what: str, build: Callable[[], Any]) -> list[Fact]:
    try:
        build()
    except (ValueError, FileNotFoundError) as error:
        return [Fact(what, str(error))]
    return [Fact(f"{what}: can be used")]


def format_facts(name: str, facts: Sequence[Fact]) -> str:
    """The facts of one config, one a line, and how many things are missing."""
    num_missing = sum(fact.is_missing for fact in facts)
    verdict = f"{num_missing} to be fixed" if num_missing else "all is there"
    return "\n".join([f"{name}:", *(f"  {fact}" for fact in facts), f"  {verdict}"])
