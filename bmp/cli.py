"""The ``bmp`` command: run the loop on images, the main job, what is installed.

Heavy packages are loaded only once the arguments are understood.
"""

import argparse
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bmp import environment


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 only if everything asked for was done."""
    args = make_parser().parse_args(argv)
    return guarded(lambda: args.command(args), show_traceback=args.traceback)


def guarded(work: Callable[[], int], *, show_traceback: bool = False) -> int:
    """Do the work; what a user can cause becomes one line with the mend and exit code 1."""
    try:
        return work()
    except KeyboardInterrupt as error:
        environment.tell(f"bmp: {environment.explain(error)}")
        return 130
    except (OSError, ImportError, ValueError) as error:
        if show_traceback:
            raise
        environment.tell(f"bmp: {environment.explain(error)}")
        return 1


def make_parser() -> argparse.ArgumentParser:
    """The arguments of all subcommands."""
    parser = argparse.ArgumentParser(
        prog="bmp", description="Boxes, masks and poses of people in crowds, in a loop."
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--traceback", action="store_true", help="show where an error came from, for bug reports"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        parents=[shared],
        help="find the people in images",
        description="Run the loop on images. Writes NAME_people.jpg, NAME_turns.jpg and "
        "NAME_turns.gif for each and results.json (COCO results) for all.",
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
        parents=[shared],
        help="the main job: embedded crowds, the loop, a table, photos, a short training",
        add_help=False,
    )
    demo.add_argument("arguments", nargs=argparse.REMAINDER, help="see `bmp demo --help`")
    demo.set_defaults(command=demo_command)

    info = commands.add_parser(
        "info", parents=[shared], help="versions, devices and weights that are found"
    )
    info.set_defaults(command=info_command)
    return parser


def run_command(args: argparse.Namespace) -> int:
    """``bmp run``: 1 if an image could not be read."""
    environment.check_opencv()
    environment.check_writable(args.out)
    from bmp.photos import find_images, run_photos

    paths = find_images(args.images)
    run_loop = load_loop(args.config, environment.pick_device(args.device))
    report = run_photos(paths, run_loop, args.out, gif=not args.no_gif, tell=environment.tell)
    for picture in report.pictures:
        print(picture)
    print(args.out / "results.json")
    if report.failures:
        environment.tell(f"bmp: {len(report.failures)} of {len(paths)} images were left out")
    return 1 if report.failures else 0


def load_loop(config: str, device: str) -> Callable:
    """The loop of a preset, images to results with the steps of every turn.

    Args:
        config: name of a preset or path of a config.
        device: where the models run.
    """
    from bmp.api import BBoxMaskPose
    from bmp.loop import run_loop

    model = BBoxMaskPose(config, device=device)

    def run(images: Sequence) -> list:
        return run_loop(
            images,
            model.detector,
            model.pose_model,
            model.segmenter,
            model.settings,
            keep_intermediates=True,
        )

    return run


def demo_command(args: argparse.Namespace) -> int:
    """``bmp demo``: the script of `make demo`, which is not part of an installed wheel."""
    script = environment.PROJECT_ROOT / "demos" / "main_job.py"
    if not script.exists():
        raise FileNotFoundError(f"no {script}: `bmp demo` needs a clone of the project")
    spec = importlib.util.spec_from_file_location("main_job", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main(args.arguments)


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
        print(f"{'weights':18} none found in {', '.join(map(str, environment.weights_folders()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
