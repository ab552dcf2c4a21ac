"""``bmp info``: what is installed and found."""

import argparse
from importlib.util import find_spec

from bmp import environment
from bmp.locations import weights_folders

# optional package -> the extra that brings it, and what for
EXTRAS = {
    "supervision": ("interop", "result.to_supervision()"),
    "transformers": ("interop", "parts of Hugging Face in the loop"),
    "trackers": ("video", "bmp predict --track"),
    "av": ("video", "videos that OpenCV cannot read"),
    "onnxruntime": ("onnx", "bmp export --check"),
    "mkdocs": ("docs", "make site"),
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "info",
        help="versions, devices, weights and extras that are found",
        description="Versions as they are imported, devices, weights, and optional packages.",
    )
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Print it."""
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
    for name, (extra, purpose) in EXTRAS.items():
        state = "is here" if find_spec(name) else f"pip install -e '.[{extra}]'"
        print(f"{'extra':18} {name}, for {purpose}: {state}")
    return 0
