"""Peak memory of the loop on a folder of images, as it grows with their number.

Networks are made up (``loop_world.py``); the folder is read, searched and written about by what
``bmp predict`` calls. The baseline is the peak after the first hundred images of the same run.
"""

import argparse
import resource
import tempfile
from functools import partial
from pathlib import Path

import cv2
from loop_world import World
from reporting import now, print_table

from bmp.api import BBoxMaskPose
from bmp.prediction.images import run_photos

FIRST = 100
SIDE = 128  # that networks see: time, not memory, depends on it image by image


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--size", type=int, nargs=2, default=[96, 128], help="height, width")
    args = parser.parse_args()
    world = World(args.people, tuple(args.size), net_side=SIDE)
    parts = {name: getattr(world, name) for name in ("detector", "pose_model", "segmenter")}
    finder = BBoxMaskPose("bmp_demo", "cpu", **parts)
    # as bmp predict asks for them; one by one, as the made-up parts count turns of one image
    find = partial(finder.stream, batch_size=1, return_intermediates=True, return_frames=True)
    peaks: list[float] = []

    def note(line: str) -> None:
        world.turn = 0
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        paths = [folder / "in" / f"{n:06}.png" for n in range(args.images)]
        (image,) = world.images(1)
        for path in paths:
            cv2.imwrite(str(path), image)
        start = now()
        run_photos(paths, find, folder / "out", gif=False, tell=note)
        seconds = now() - start
    counts = [n for n in (FIRST, 10 * FIRST, args.images) if n <= args.images]
    rows = [[n, peaks[n - 1], peaks[n - 1] / peaks[FIRST - 1]] for n in dict.fromkeys(counts)]
    print_table(
        f"A folder, {1e3 * seconds / args.images:.0f} ms an image with its files",
        ["images", "peak, GiB", "times"],
        rows,
    )


if __name__ == "__main__":
    main()
