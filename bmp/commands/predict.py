"""``bmp predict``: the loop on images, folders and videos."""

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bmp import environment
from mmpose.errors import check_writable

if TYPE_CHECKING:
    from mmengine.config import Config

    from bmp.api import BBoxMaskPose
    from bmp.prediction.videos import VideoOptions

LEAST_FREE_MB = 50  # 10⁶ bytes, for drawings

DESCRIPTION = """Find the people of images and videos.

Of each image: NAME_people.jpg, NAME_turns.jpg and NAME_turns.gif. Of all images: results.json (COCO
results) and what other tools open, images/ (copies) and annotations/person_keypoints_run.json.
Of each video: NAME_people.mp4 and NAME_results.json, whose image_id is the number of the frame.
"""
EXAMPLES = """examples:
  bmp predict photo.jpg photos/ "more/**/*.png" names.txt --out outputs/mine
  bmp predict photos/ --out outputs/mine --skip-existing      go on where a run stopped
  bmp predict film.mp4 --every 2 --track
  bmp predict photos/ --cfg-options loop.num_iters=3 detector.score_thr=0.2
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand, and its older name ``run``."""
    for name, text in (("predict", "find the people in images and videos"), ("run", None)):
        more = {"help": text} if text else {}
        _add_arguments(
            commands.add_parser(
                name,
                **more,
                description=DESCRIPTION,
                epilog=EXAMPLES,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="images, videos, folders, patterns, or text files with a name a line",
    )
    add(
        "--config",
        default="bmp_demo",
        help="name of a preset (bmp_demo: small, its weights ship with the project; bmp_v2: "
        "published, its weights are downloaded once) or path of a config (default: %(default)s)",
    )
    add("--device", default="auto", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    add(
        "--out",
        type=Path,
        default=Path("outputs/predict"),
        help="folder (default: %(default)s)",
    )
    add("--no-gif", action="store_true", help="write no GIFs of images")
    add("--save-crops", action="store_true", help="write each person of images as crops/NAME_N.png")
    add(
        "--skip-existing",
        action="store_true",
        help="take what an earlier run with the same settings found in images",
    )
    add(
        "--batch-size",
        type=int,
        default=4,
        metavar="N",
        help="images or frames that go through the loop together; fewer take less memory "
        "(default: %(default)s)",
    )
    add("--cfg-options", nargs="+", metavar="KEY=VALUE", help="values of the config to replace")
    video = parser.add_argument_group("videos")
    video.add_argument("--every", type=int, default=1, metavar="N", help="only each n-th frame")
    video.add_argument("--max-frames", type=int, metavar="N", help="stop after so many")
    video.add_argument("--track", action="store_true", help="number people over the frames")
    video.add_argument("--gif", action="store_true", help="write NAME_people.gif too")
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Run it: 1 if nothing could be read."""
    environment.check_opencv()
    if args.out.exists() and not args.out.is_dir():
        raise ValueError(f"--out must be a folder, {args.out} is a file; choose another name")
    check_writable(args.out, free_mb=LEAST_FREE_MB)
    from bmp.prediction.inputs import find_inputs
    from bmp.prediction.videos import Identities, VideoOptions

    # before the models are loaded
    options = VideoOptions(args.every, args.max_frames, args.batch_size, args.track, args.gif)
    images, videos = find_inputs(args.inputs)
    megabytes = sum(path.stat().st_size for path in images) / 1e6
    check_writable(args.out, free_mb=LEAST_FREE_MB + megabytes)  # copies of all
    if videos and args.track:
        Identities(25.0)  # a package that is missing is told now
    from bmp.api import BBoxMaskPose

    model = BBoxMaskPose(
        args.config,
        device=args.device,
        cfg_options=read_options(args.cfg_options),
        batch_size=args.batch_size,
    )
    num_done = _run_images(model, images, args) if images else 0
    num_done += _run_videos(model, videos, args.out, options)
    return 0 if num_done else 1


def read_options(pairs: list[str] | None) -> dict | None:
    """Options as the tools read them."""
    if not pairs:
        return None
    from mmpose.engine.cfg_options import CfgOptionsAction

    parser = argparse.ArgumentParser(prog="bmp predict")
    parser.add_argument("--cfg-options", nargs="+", action=CfgOptionsAction)
    return parser.parse_args(["--cfg-options", *pairs]).cfg_options


def what_decides(config: "Config") -> dict[str, Any]:
    """The loop's config, and its parts by content: weights may be trained again into one file."""
    from bmp.loop.part_keys import part_content

    parts = ("detector", "pose_model", "segmenter")
    return {"config": config.to_dict()} | {name: part_content(config.model[name]) for name in parts}


@contextmanager
def told_here(logger: str) -> Iterator[None]:
    """Leave out what a logger would say a second time."""
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _run_images(model: "BBoxMaskPose", paths: list[Path], args: argparse.Namespace) -> int:
    """How many images are done."""
    from tqdm import tqdm

    from bmp.prediction.images import ANNOTATIONS, RESULTS, run_photos
    from bmp.prediction.records import Records

    settings = {"gif": not args.no_gif, "crops": args.save_crops}
    records = Records(args.out, settings | what_decides(model.config))
    if not args.skip_existing:
        records.forget()
    find_people = partial(model.stream, return_intermediates=True, return_frames=True)
    # with an end that is foreseen, where somebody watches
    with tqdm(total=len(paths), unit="image", disable=None) as bar, told_here("bmp.streams"):

        def tell(line: str) -> None:
            bar.update()
            tqdm.write(line, file=bar.fp) if not bar.disable else environment.tell(line)

        report = run_photos(
            paths,
            find_people,
            args.out,
            gif=not args.no_gif,
            crops=args.save_crops,
            records=records,
            tell=tell,
        )
    for written in (*report.pictures, args.out / RESULTS, args.out / ANNOTATIONS):
        print(written)
    if report.num_known:
        environment.tell(f"bmp: {report.num_known} of {len(paths)} images were done before")
    if report.failures:
        environment.tell(f"bmp: {len(report.failures)} of {len(paths)} images were left out")
    return len(report.images)


def _run_videos(
    model: "BBoxMaskPose", paths: list[Path], out: Path, options: "VideoOptions"
) -> int:
    """How many videos are done; one that cannot be read is reported."""
    from bmp.prediction.output_names import output_stems
    from bmp.prediction.videos import run_video, video_outputs

    num_done = 0
    stems = output_stems(paths, partial(video_outputs, out))
    find, tell = model.predict, environment.tell
    for path, stem in zip(paths, stems, strict=True):
        try:
            with told_here("bmp.streams"), told_here("bmp.api"):
                written = run_video(path, find, out, options, stem=stem, tell=tell)
        except ValueError as error:
            environment.tell(f"bmp: left out: {error}")
            continue
        num_done += 1
        print(*written, sep="\n")
    return num_done
