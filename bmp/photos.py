"""The loop on image files: overlays, a panel of the turns, a GIF, COCO-style results."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bmp.evaluation.coco_results import people_to_results
from bmp.inputs import read_image
from bmp.results import BMPResult
from bmp.visualization import (
    caption,
    draw_people,
    fit_width,
    loop_pictures,
    panel,
    write_gif,
)
from mmpose.files import write_image, write_json

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
GIF_WIDTH = 480  # px
FRAME_SECONDS = 1.2

FindPeople = Callable[[np.ndarray], BMPResult]


@dataclass
class PhotoReport:
    """What came of a number of photos.

    Attributes:
        pictures: files written, in order.
        results: COCO-style entries, one a person.
        failures: (path, one-line reason) of photos that were left out.
        found: people after each turn, summed over the photos.
    """

    pictures: list[Path] = field(default_factory=list)
    results: list[dict] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)
    found: list[int] = field(default_factory=list)


def find_images(paths: Sequence[str | Path]) -> list[Path]:
    """Image files: the given ones, and of folders those directly inside, sorted by name.

    Raises:
        FileNotFoundError: a path does not exist, or a folder holds no image.
    """
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
            if not inside:
                endings = ", ".join(IMAGE_SUFFIXES)
                raise FileNotFoundError(f"no images in {path}; looked for {endings}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise FileNotFoundError(f"no such image or folder: {path}")
    return found


def run_photos(
    paths: Sequence[Path],
    find_people: FindPeople,
    out_dir: Path,
    *,
    gif: bool = True,
    tell: Callable[[str], None] = print,
) -> PhotoReport:
    """Run the loop on every photo and write what it found.

    Of ``photo.jpg`` come ``photo_people.jpg`` (everybody), ``photo_turns.jpg`` (a row a turn)
    and ``photo_turns.gif``; ``results.json`` holds the people of all photos. A photo that cannot
    be read is reported and left out.

    Args:
        paths: image files.
        find_people: an image to its people, with the steps of every turn: predict of
            :class:`bmp.api.BBoxMaskPose` with ``return_intermediates``.
        out_dir: where the files go; made.
        gif: whether GIFs are written.
        tell: takes one line of progress a photo.

    Raises:
        OSError: an output cannot be written.
    """
    report = PhotoReport()
    stems = _output_stems(paths)
    try:
        for number, (path, stem) in enumerate(zip(paths, stems, strict=True), start=1):
            started = time.perf_counter()
            try:
                image = read_image(path)
            except ValueError as error:
                report.failures.append((path, str(error)))
                tell(f"[{number}/{len(paths)}] left out: {error}")
                continue
            result = find_people(image)
            report.results += _result_entries(result, path, number)
            _count(report, result)
            report.pictures += write_pictures(image, result, out_dir / stem, gif=gif)
            seconds = time.perf_counter() - started
            by_turn = " -> ".join(str(len(people)) for people in result.turns)
            tell(f"[{number}/{len(paths)}] {path.name}: {by_turn} people, {seconds:.1f} s")
    finally:  # an interruption keeps what is done
        write_json(out_dir / "results.json", report.results)
    return report


def write_pictures(
    image: np.ndarray, result: BMPResult, target: Path, *, gif: bool = True
) -> list[Path]:
    """Overlay, panel and GIF of one image as ``<target>_people.jpg`` and so on."""
    overlay = draw_people(image, result)
    rows = loop_pictures(image, result)
    title = f"after {len(result.turns)} turns: {len(result)} people"
    written = [write_image(target.with_name(f"{target.name}_people.jpg"), overlay)]
    if rows:
        whole = panel(rows)
        written.append(write_image(target.with_name(f"{target.name}_turns.jpg"), whole))
    if gif:
        steps = [entry for row in rows for entry in row] + [(title, overlay)] * 2
        frames = [caption(fit_width(picture, GIF_WIDTH), text) for text, picture in steps]
        gif_path = target.with_name(f"{target.name}_turns.gif")
        written.append(write_gif(gif_path, frames, FRAME_SECONDS))
    return written


def _result_entries(result: BMPResult, path: Path, number: int) -> list[dict]:
    """COCO results of one photo, with its name; the id is the number that is its name, if any."""
    entries = people_to_results(
        result.turns[-1], int(path.stem) if path.stem.isdecimal() else number
    )
    for entry, turn in zip(entries, result.iteration.tolist(), strict=True):
        entry.update(score=entry["scores"], file_name=path.name, iteration=turn)
    return entries


def _count(report: PhotoReport, result: BMPResult) -> None:
    missing = len(result.turns) - len(report.found)
    report.found += [0] * missing
    for turn, people in enumerate(result.turns):
        report.found[turn] += len(people)


def _output_stems(paths: Sequence[Path]) -> list[str]:
    """Names of the outputs: the files' own, with a number where two are alike."""
    counts, stems = Counter(path.stem for path in paths), []
    for number, path in enumerate(paths, start=1):
        stems.append(path.stem if counts[path.stem] == 1 else f"{path.stem}_{number}")
    return stems
