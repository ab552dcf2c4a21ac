"""The ``bmp`` command: run the loop on images, the demo, what is installed.

Heavy packages are loaded only once the arguments are understood.
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bmp import environment
from bmp.locations import PROJECT_ROOT, weights_folders
from mmpose.errors import TRACEBACK, check_writable, user_error

LEAST_FREE_MB = 50  # 10⁶ bytes, for drawings


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 if it did what was asked."""
    args = make_parser().parse_args(argv)
    # of torch, about a call in mmdet: nothing that a user could change
    warnings.filterwarnings("ignore", message="torch.meshgrid", category=UserWarning)
    return guarded(lambda: args.command(args))


def guarded(work: Callable[[], int]) -> int:
    """Do the work; what a user can cause becomes one line with its fix and exit code 1."""
    try:
        return work()
    except (KeyboardInterrupt, Exception) as error:
        reason = user_error(error)
        if reason is None:
            raise
        environment.tell(f"bmp: {reason}")
        return 130 if isinstance(error, KeyboardInterrupt) else 1


def make_parser() -> argparse.ArgumentParser:
    """The arguments of all subcommands."""
    parser = argparse.ArgumentParser(
        prog="bmp",
        description="Boxes, masks and poses of people in crowds, in a loop.",
        epilog=f"The environment variable {TRACEBACK}=1 shows where an error came from.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="find the people in images",
        description="Run the loop on images. Writes NAME_people.jpg, NAME_turns.jpg and "
        "NAME_turns.gif for each, and for all results.json (COCO results) and what other tools "
        "open: images/ (copies) and annotations/person_keypoints_run.json (sizes, people).",
    )
    run.add_argument("images", nargs="+", metavar="IMAGE", help="image files or folders of them")
    run.add_argument(
        "--config",
        default="bmp_demo",
        help="name of a preset (bmp_demo: small, its weights ship with the project; bmp_v2: "
        "published, its weights are downloaded once) or path of a config (default: %(default)s)",
    )
    run.add_argument(
        "--device", default="auto", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)"
    )
    run.add_argument(
        "--out", type=Path, default=Path("outputs/run"), help="folder (default: %(default)s)"
    )
    run.add_argument("--no-gif", action="store_true", help="write no GIFs")
    run.set_defaults(command=run_command)

    demo = commands.add_parser(
        "demo",
        help="everything once: rendered crowds, the loop, a table, images, a short training",
        description=add_demo_arguments.__doc__,
    )
    add_demo_arguments(demo)
    demo.set_defaults(command=demo_command)

    info = commands.add_parser("info", help="versions, devices and weights that are found")
    info.set_defaults(command=info_command)
    return parser


def run_command(args: argparse.Namespace) -> int:
    """``bmp run``: 1 if no image could be read."""
    environment.check_opencv()
    if args.out.exists() and not args.out.is_dir():
        raise ValueError(f"--out must be a folder, {args.out} is a file; choose another name")
    check_writable(args.out, free_mb=LEAST_FREE_MB)
    from bmp.prediction.images import ANNOTATIONS, RESULTS, find_images, run_photos

    paths = find_images(args.images)  # before the models are loaded
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    check_writable(args.out, free_mb=LEAST_FREE_MB + megabytes)  # copies of all
    from bmp.api import BBoxMaskPose

    model = BBoxMaskPose(args.config, device=args.device)
    find_people = partial(model.predict, return_intermediates=True)
    report = run_photos(paths, find_people, args.out, gif=not args.no_gif, tell=environment.tell)
    for written in (*report.pictures, args.out / RESULTS, args.out / ANNOTATIONS):
        print(written)
    if report.failures:
        environment.tell(f"bmp: {len(report.failures)} of {len(paths)} images were left out")
    return 0 if report.images else 1


def add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    """What the demo may be told."""
    parser.add_argument(
        "--num-images",
        type=int,
        default=200,
        metavar="N",
        help="rendered crowds that the loop is evaluated on (default: %(default)s)",
    )
    parser.add_argument(
        "--train-steps",
        type=int,
        default=80,
        metavar="N",
        help="training steps of the short training; 0 leaves it out (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=PROJECT_ROOT / "outputs" / "demo",
        help="folder for drawings and logs (default: %(default)s)",
    )


def demo_command(args: argparse.Namespace) -> int:
    """``bmp demo``, what `make demo` runs."""
    environment.check_opencv()
    from bmp.demo.demo import run_demo

    return run_demo(args.out, num_images=args.num_images, train_steps=args.train_steps)


def info_command(args: argparse.Namespace) -> int:
    """``bmp info``."""
    for name, version in environment.package_versions().items():
        print(f"{name:18} {version}")
    environment.check_opencv()
    for line in environment.devices():
        print(f"{'device':18} {line}")
    weights = environment.found_weights()
    for path, megabytes in weights:
        print(f"{'weights':18} {path} ({megabytes:.1f} MB)")
    if not weights:
        print(f"{'weights':18} none found in {', '.join(map(str, weights_folders()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
