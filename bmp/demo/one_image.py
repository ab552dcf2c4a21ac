"""What the demos of one image ask for, and where their drawings go."""

import argparse
from pathlib import Path

from bmp.locations import PROJECT_ROOT
from mmpose.errors import check_writable

IMAGE = PROJECT_ROOT / "demos" / "photos" / "000000001000.jpg"


def image_parser(description: str | None) -> argparse.ArgumentParser:
    """The arguments that all of them have: ``--image``, ``--output`` and ``--device``."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", type=Path, default=IMAGE, help="an image file")
    parser.add_argument("--output", type=Path, help="folder, outputs/ of the project by default")
    parser.add_argument("--device", help="cpu, cuda, ...; a GPU if there is one")
    return parser


def output_folder(args: argparse.Namespace) -> Path:
    """A folder for the drawings of the image, checked before the work.

    Raises:
        PermissionError: files cannot be written there; the message names the option.
    """
    out = (args.output or PROJECT_ROOT / "outputs") / args.image.stem
    return check_writable(out, "--output")
