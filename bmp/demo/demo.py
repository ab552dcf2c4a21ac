"""Everything once: rendered crowds, the loop on them, one table, images, a short training."""

from functools import partial
from pathlib import Path

from bmp.api import BBoxMaskPose
from bmp.demo.progress import Clock
from bmp.demo.short_training import train_briefly
from bmp.evaluation.loop_table import format_table
from bmp.locations import PROJECT_ROOT, find_checkpoint
from bmp.prediction.images import PhotoReport, run_photos
from bmp.prediction.inputs import find_inputs
from bmp.synthcrowd import write_dataset
from mmpose.engine.config import load_config
from mmpose.engine.tools import test
from mmpose.errors import check_writable

LOOP_CONFIG = PROJECT_ROOT / "configs" / "demo" / "bmp_demo.py"
DATA_FOLDER = PROJECT_ROOT / "datasets" / "synthcrowd"
PHOTO_FOLDER = PROJECT_ROOT / "demos" / "photos"
EXTRA_PHOTO = PROJECT_ROOT.parent / "shared" / "data" / "demo_photo" / "004806.jpg"
VALIDATION_IMAGES, VALIDATION_SEED = 200, 2
NEEDED_MB = 300


def run_demo(out: Path, *, num_images: int = VALIDATION_IMAGES, train_steps: int = 80) -> int:
    """Do all of it; run again after an interruption, and finished crowds are not drawn again.

    Args:
        out: folder for drawings, logs and numbers.
        num_images: rendered crowds that the loop is evaluated on.
        train_steps: steps of the short training, 0 for none.

    Returns:
        0, the exit code.

    Raises:
        OSError: no permission or no space to write, or weights are missing.
        ValueError: num_images or train_steps are no possible numbers.
    """
    if num_images < 1 or train_steps < 0:
        raise ValueError(
            f"needs at least 1 image and 0 steps, got --num-images {num_images} "
            f"--train-steps {train_steps}"
        )
    clock = Clock("demo")
    check_writable(out, free_mb=NEEDED_MB)
    check_weights()
    clock(f"1/4 rendering {num_images} crowds with exact annotations (seed {VALIDATION_SEED})")
    crowds = render_crowds(num_images)
    clock(f"2/4 the loop on these crowds ({LOOP_CONFIG.relative_to(PROJECT_ROOT)})")
    metrics = evaluate_loop(crowds, out)
    clock("3/4 the loop on photos")
    report = run_on_photos(out, clock)
    rows = []
    if train_steps:
        clock(
            f"4/4 a short training: {train_steps} steps of the pose model, its last layer made new"
        )
        rows = train_briefly(out / "short_training", num_steps=train_steps, tell=clock)
    else:
        clock("4/4 the short training is left out (--train-steps 0)")
    print_summary(metrics, report, rows, out)
    clock("done")
    return 0


def check_weights() -> None:
    """See that the weights of all parts are there, before minutes of work.

    Raises:
        FileNotFoundError: naming the file and where to put it.
    """
    config = load_config(LOOP_CONFIG)
    for part in ("detector", "pose_model", "segmenter"):
        find_checkpoint(config.model[part].checkpoint)


def render_crowds(num_images: int) -> Path:
    """The validation crowds, rendered unless they are there.

    Returns:
        The folder with ``images/`` and ``annotations.json``.
    """
    is_standard = num_images == VALIDATION_IMAGES
    folder = DATA_FOLDER / ("val" if is_standard else f"val_{num_images}")
    write_dataset(folder, num_images, VALIDATION_SEED)
    return folder


def evaluate_loop(crowds: Path, out: Path) -> dict[str, float]:
    """What ``tools/test.py configs/demo/bmp_demo.py`` does, on the folder of crowds.

    Returns:
        The numbers of :class:`bmp.evaluation.LoopCocoMetric`, without their prefix.
    """
    config = load_config(
        LOOP_CONFIG,
        {
            "test_dataloader.dataset.data_root": str(crowds),
            "test_evaluator.ann_file": str(crowds / "annotations.json"),
            "model.cache": None,  # nothing is written beside the output folder
            "work_dir": str(out / "loop"),
            "log_level": "WARNING",
            "default_hooks.progress": {"type": "ProgressHook"},
        },
    )
    metrics = test(config, launcher="none", checkpoint=None, out=str(out / "loop_metrics.json"))
    return {name.removeprefix("loop/"): value for name, value in metrics.items()}


def run_on_photos(out: Path, clock: Clock) -> PhotoReport:
    """The photos of the project and, where it lies beside it, one of OCHuman."""
    paths, _ = find_inputs([PHOTO_FOLDER] + ([EXTRA_PHOTO] if EXTRA_PHOTO.is_file() else []))
    model = BBoxMaskPose(str(LOOP_CONFIG))
    # one by one, so that the digits do not depend on what else is in a batch
    find_people = partial(model.stream, batch_size=1, return_intermediates=True, return_frames=True)
    return run_photos(paths, find_people, out / "photos", tell=clock)


def print_summary(
    metrics: dict[str, float], report: PhotoReport, rows: list[str], out: Path
) -> None:
    """What was found, learnt and written, on standard output."""
    iou_types = [kind for kind in ("bbox", "segm", "keypoints") if f"turn1/{kind}_AP" in metrics]
    print("\nThe loop on rendered crowds:")
    print(format_table(metrics, iou_types))
    by_turn = ", ".join(f"{n} after turn {t}" for t, n in enumerate(report.found, start=1))
    print(f"\nPeople in {len(report.images)} photos: {by_turn}")
    for path, reason in report.failures:
        print(f"  left out {path}: {reason}")
    if rows:
        print("\nThe short training of MaskPose (last layer from random numbers):")
        print("\n".join(f"  {row}" for row in rows))
    print("\nPictures (overlay of everybody, a panel of the turns, the same as a GIF):")
    for path in report.pictures:
        print(f"  {path}")
    print(f"\nNumbers: {out / 'loop_metrics.json'}, {out / 'photos' / 'results.json'}")
