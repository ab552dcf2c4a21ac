"""The loop on image files: overlays, a panel of the turns, a GIF, COCO-style results."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bmp.evaluation.coco_results import people_to_results
from bmp.inputs import image_suffixes, read_image
from bmp.output_names import image_ids, output_stems, relative_names
from bmp.photo_annotations import annotation_file, people_to_annotations
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

OVERLAY, PANEL, GIF = "_people.jpg", "_turns.jpg", "_turns.gif"  # after the image's name
GIF_WIDTH = 480  # px
FRAME_SECONDS = 1.2

FindPeople = Callable[[np.ndarray], BMPResult]


@dataclass
class PhotoReport:
    """What came of a number of photos.

    Attributes:
        pictures: files written, in order.
        images: COCO-style images, those that could be read.
        results: COCO-style results, one a person.
        annotations: the same people as annotations.
        failures: (path, one-line reason) of photos that were left out.
        found: people after each turn, summed over the photos.
    """

    pictures: list[Path] = field(default_factory=list)
    images: list[dict] = field(default_factory=list)
    results: list[dict] = field(default_factory=list)
    annotations: list[dict] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)
    found: list[int] = field(default_factory=list)

    def add(self, image: dict, result: BMPResult) -> None:
        """Take the people of a photo; ``image`` is its entry for :attr:`images`."""
        entries = people_to_results(result.turns[-1], image["id"])
        for entry, turn in zip(entries, result.iteration.tolist(), strict=True):
            entry.update(score=entry["scores"], file_name=image["file_name"], iteration=turn)
        self.annotations += people_to_annotations(result, entries, len(self.annotations) + 1)
        self.images.append(image)
        self.results += entries
        self.found += [0] * (len(result.turns) - len(self.found))
        for turn, people in enumerate(result.turns):
            self.found[turn] += len(people)

    def write(self, out_dir: Path) -> None:
        """Write ``results.json`` and ``annotations.json``."""
        write_json(out_dir / "results.json", self.results)
        write_json(out_dir / "annotations.json", annotation_file(self.images, self.annotations))


def find_images(paths: Sequence[str | Path]) -> list[Path]:
    """Image files: the given ones, and of folders those directly inside, sorted by name.

    In folders, files whose ending OpenCV does not read and hidden ones (``.name``) are left
    alone. A file that is named twice comes once.

    Raises:
        FileNotFoundError: a path does not exist, or a folder holds no image.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(filter(_is_visible_image, path.iterdir()))
            if not inside:
                endings = ", ".join(image_suffixes())
                raise FileNotFoundError(f"no images in {path}; looked for {endings}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise FileNotFoundError(f"no such image or folder: {path}")
    once: dict[str, Path] = {}
    for path in found:
        once.setdefault(os.path.abspath(path), path)
    return list(once.values())


def _is_visible_image(path: Path) -> bool:
    is_hidden = path.name.startswith(".")
    return not is_hidden and path.suffix.lower() in image_suffixes() and path.is_file()


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
    and ``photo_turns.gif``; of all photos, ``results.json`` (a COCO result list) and
    ``annotations.json`` (images, category and people as annotations). A photo that cannot be
    read is reported and left out. An interruption keeps what is done.

    Args:
        paths: image files.
        find_people: an image to its people, with the steps of every turn: predict of
            :class:`bmp.api.BBoxMaskPose` with ``return_intermediates``.
        out_dir: where the files go; made.
        gif: whether GIFs are written.
        tell: takes one line of progress a photo.

    Raises:
        OSError: an output cannot be written.
        KeyboardInterrupt: interrupted; says how many photos are done.
    """
    report = PhotoReport()
    names = zip(
        image_ids(paths),
        relative_names(paths),
        output_stems(paths, out_dir, (OVERLAY, PANEL, GIF)),
        strict=True,
    )
    try:
        for number, (path, (img_id, file_name, stem)) in enumerate(zip(paths, names, strict=True)):
            started, mark = time.perf_counter(), f"[{number + 1}/{len(paths)}]"
            try:
                image = read_image(path)
            except ValueError as error:
                report.failures.append((path, str(error)))
                tell(f"{mark} left out: {error}")
                continue
            result = find_people(image)
            report.pictures += write_pictures(image, result, out_dir / stem, gif=gif)
            height, width = image.shape[:2]
            size = {"width": width, "height": height}
            report.add({"id": img_id, "file_name": file_name, **size}, result)
            seconds = time.perf_counter() - started
            by_turn = " -> ".join(str(len(people)) for people in result.turns)
            tell(f"{mark} {file_name}: {by_turn} people, {seconds:.1f} s, {stem}{OVERLAY}")
    except KeyboardInterrupt:
        done = f"{len(report.images)} of {len(paths)} images are done"
        raise KeyboardInterrupt(f"interrupted; {done} and kept in {out_dir}") from None
    finally:
        report.write(out_dir)
    return report


def write_pictures(
    image: np.ndarray, result: BMPResult, target: Path, *, gif: bool = True
) -> list[Path]:
    """Overlay, panel and GIF of one image as ``<target>_people.jpg`` and so on."""
    overlay = draw_people(image, result)
    rows = loop_pictures(image, result)
    title = f"after {len(result.turns)} turns: {len(result)} people"
    written = [write_image(target.with_name(target.name + OVERLAY), overlay)]
    if rows:
        whole = panel(rows)
        written.append(write_image(target.with_name(target.name + PANEL), whole))
    if gif:
        steps = [entry for row in rows for entry in row] + [(title, overlay)] * 2
        frames = [caption(fit_width(picture, GIF_WIDTH), text) for text, picture in steps]
        gif_path = target.with_name(target.name + GIF)
        written.append(write_gif(gif_path, frames, FRAME_SECONDS))
    return written
