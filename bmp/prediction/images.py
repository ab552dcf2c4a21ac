"""The loop on image files: overlays, a panel of the turns, a GIF, COCO-style results."""

import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bmp.evaluation.coco_annotations import annotation_file, people_to_annotations
from bmp.evaluation.coco_results import people_to_results
from bmp.prediction.json_list import JsonList
from bmp.prediction.output_names import image_ids, output_stems
from bmp.prediction.records import Records
from bmp.results import BMPResult
from bmp.visualization import (
    caption,
    draw_people,
    fit_width,
    loop_pictures,
    panel,
    write_gif,
)
from mmpose.files import whole_file, write_image
from mmpose.inputs import image_suffixes, is_turned

OVERLAY, PANEL, GIF = "_people.jpg", "_turns.jpg", "_turns.gif"  # after the image's name
# The layout of COCO, where datumaro and others look for files by these names.
IMAGES, ANNOTATIONS = "images", "annotations/person_keypoints_run.json"
RESULTS = "results.json"
CROPS = "crops"
GIF_WIDTH = 480  # px
FRAME_SECONDS = 1.2

Answer = tuple[np.ndarray | None, BMPResult]  # no image where it could not be read
FindPeople = Callable[[Sequence[Path]], Generator[Answer]]


class Photo(NamedTuple):
    """An image file, its id in the results, and what its outputs are called."""

    path: Path
    img_id: int
    stem: str


@dataclass
class PhotoReport:
    """What came of a number of images.

    Attributes:
        pictures: files written, in order.
        images: COCO-style images, those that could be read.
        results: COCO-style results, one per person.
        annotations: the same people as annotations.
        failures: (path, one-line reason) of images that were left out.
        found: people after each turn, summed over the images.
        num_known: images that an earlier run had done.
    """

    pictures: list[Path] = field(default_factory=list)
    images: list[dict] = field(default_factory=list)
    results: JsonList = field(default_factory=JsonList)
    annotations: JsonList = field(default_factory=JsonList)
    failures: list[tuple[Path, str]] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    num_known: int = 0

    def add(self, record: dict, img_id: int) -> None:
        """Take the people of an image, a record of :func:`make_record`.

        Its id is that of this run: an earlier one may have had fewer images, and other ids.
        """
        of_image, first = {"image_id": img_id}, len(self.annotations) + 1
        for n, entry in enumerate(record["annotations"]):
            self.annotations.append(entry | of_image | {"id": first + n})
        self.images.append(record["image"] | {"id": img_id})
        self.results += [entry | of_image for entry in record["results"]]
        self.found += [0] * (len(record["found"]) - len(self.found))
        for turn, count in enumerate(record["found"]):
            self.found[turn] += count

    def write(self, out_dir: Path) -> None:
        """Write the result list and the annotation file."""
        with whole_file(out_dir / RESULTS) as path, path.open("w", encoding="utf-8") as file:
            self.results.write(file)
            file.write("\n")
        with whole_file(out_dir / ANNOTATIONS) as path, path.open("w", encoding="utf-8") as file:
            # annotations come last in the file, and may be many
            file.write(json.dumps(annotation_file(self.images, [])).removesuffix("[]}"))
            self.annotations.write(file)
            file.write("}\n")


def make_record(image: dict, result: BMPResult) -> dict:
    """People of one image in words of JSON.

    Args:
        image: its entry of COCO's ``images``.
        result: what was found.

    Returns:
        ``image``; ``results``, COCO results; ``annotations``, the same people as annotations;
        ``found``, the number of people after each turn.
    """
    entries = people_to_results(result.people, image["id"])
    annotations = people_to_annotations(result.people, entries, 1)
    for entry, turn in zip(entries, result.iteration.tolist(), strict=True):
        entry.update(score=entry["scores"], file_name=image["file_name"], iteration=turn)
    found = [len(people) for people in result.turns]
    return {"image": image, "results": entries, "annotations": annotations, "found": found}


def run_photos(
    paths: Sequence[Path],
    find_people: FindPeople,
    out_dir: Path,
    *,
    gif: bool = True,
    crops: bool = False,
    records: Records | None = None,
    tell: Callable[[str], None] = print,
) -> PhotoReport:
    """Run the loop on every image and write what it found.

    Of ``photo.jpg`` come ``photo_people.jpg`` (everybody), ``photo_turns.jpg`` (a row per turn)
    and ``photo_turns.gif``; of all images ``results.json``, a COCO result list, and what other
    tools open: copies in ``images`` and ``annotations/person_keypoints_run.json`` with their
    sizes and people. An image that cannot be read, or in which a part of the loop fails, is
    reported and left out; an interruption keeps what is done.

    Args:
        paths: image files.
        find_people: images to their people, with what every turn did: stream of
            :class:`bmp.api.BBoxMaskPose` with ``return_intermediates`` and ``return_frames``.
        out_dir: where the files go; made.
        gif: whether GIFs are written.
        crops: whether each person is written as an image, ``crops/photo_1.png``, transparent
            outside the mask.
        records: what earlier runs found; images that are there are not run again.
        tell: takes one line of progress per image.

    Raises:
        OSError: an output cannot be written.
        KeyboardInterrupt: interrupted; says how many images are done.
    """
    report = PhotoReport()
    write = partial(_write_photo, out_dir, gif=gif, crops=crops, records=records)
    stems = output_stems(paths, partial(_outputs, out_dir))
    photos = [Photo(*one) for one in zip(paths, image_ids(paths), stems, strict=True)]
    # whether, not what: the records of all images would fill the memory
    known = [records and records.load(photo.path, photo.stem) is not None for photo in photos]
    new = [photo.path for photo, is_known in zip(photos, known, strict=True) if not is_known]
    started = time.perf_counter()
    try:
        with closing(find_people(new)) as answers:
            for number, (photo, is_known) in enumerate(zip(photos, known, strict=True), start=1):
                mark = f"[{number}/{len(paths)}]"
                if is_known:
                    report.add(records.load(photo.path, photo.stem), photo.img_id)
                    report.num_known += 1
                    continue
                image, result = next(answers)
                if result.error is not None:
                    report.failures.append((photo.path, result.error))
                    tell(f"{mark} left out: {_with_name(result.error, photo.path)}")
                    continue
                pictures, record = write(photo, image, result)
                report.pictures += pictures
                report.add(record, photo.img_id)
                # those of a batch are answered together: one image's own time says nothing
                seconds = (time.perf_counter() - started) / (number - report.num_known)
                tell(f"{mark} {_told(photo, record)}, {seconds:.1f} s an image")
    except KeyboardInterrupt:
        done = f"{len(report.images)} of {len(paths)} images are done"
        raise KeyboardInterrupt(f"interrupted; {done} and kept in {out_dir}") from None
    finally:
        report.write(out_dir)
    return report


def _with_name(error: str, path: Path) -> str:
    """A failure with its file, which a part of the loop does not know."""
    return error if path.name in error else f"{path}: {error}"


def _told(photo: Photo, record: dict) -> str:
    by_turn = " -> ".join(map(str, record["found"]))
    return f"{photo.path.name}: {by_turn} people, {photo.stem}{OVERLAY}"


def _write_photo(
    out_dir: Path,
    photo: Photo,
    image: np.ndarray,
    result: BMPResult,
    *,
    gif: bool,
    crops: bool,
    records: Records | None,
) -> tuple[list[Path], dict]:
    """All files of one image, the record of a later run last; pictures and record."""
    pictures = write_pictures(image, result, out_dir / photo.stem, gif=gif)
    if crops:
        pictures += write_crops(image, result, out_dir / CROPS / photo.stem)
    copy = _copy(photo.path, image, out_dir / IMAGES, photo.stem)
    record = make_record(_image_entry(photo.img_id, copy.name, photo.path, image), result)
    if records:
        files = [str(file.relative_to(out_dir)) for file in (*pictures, copy)]
        records.save(photo.path, photo.stem, record | {"files": files})
    return pictures, record


def _outputs(out_dir: Path, path: Path, stem: str) -> list[Path]:
    """All files that may be written of one image."""
    pictures = [out_dir / f"{stem}{ending}" for ending in (OVERLAY, PANEL, GIF)]
    return [*pictures, *_copy_paths(path, out_dir / IMAGES, stem)]


def _copy_paths(path: Path, folder: Path, stem: str) -> tuple[Path, Path]:
    """Where the copy of an image goes as it is, and where turned."""
    is_known = path.suffix.lower() in image_suffixes()  # "what.a_long_sentence" has no ending
    return folder / (f"{stem}{path.suffix}" if is_known else stem), folder / f"{stem}.jpg"


def _copy(path: Path, image: np.ndarray, folder: Path, stem: str) -> Path:
    """Copy an image for other tools, not all of which turn it as its EXIF data say."""
    as_it_is, turned = _copy_paths(path, folder, stem)
    if is_turned(path, image):
        return write_image(turned, image)
    with whole_file(as_it_is) as unfinished:
        shutil.copyfile(path, unfinished)
    return as_it_is


def _image_entry(img_id: int, file_name: str, path: Path, image: np.ndarray) -> dict:
    """COCO's entry of an image; ``source`` is where it was read."""
    height, width = image.shape[:2]
    source = os.fsencode(path).decode(errors="replace")
    entry = {"id": img_id, "file_name": file_name, "width": width, "height": height}
    return entry | {"source": source}


def write_crops(image: np.ndarray, result: BMPResult, target: Path) -> list[Path]:
    """Each person alone as ``<target>_1.png`` and so on: BGRA, transparent outside the mask.

    A person with an empty mask, or a box outside the image, has no crop.
    """
    written = []
    for number, (box, mask) in enumerate(zip(result.bboxes, result.masks, strict=True), start=1):
        height, width = mask.shape
        left, top = np.floor(box[:2]).clip(0, [width, height]).astype(int)
        right, bottom = np.ceil(box[2:]).clip(0, [width, height]).astype(int)
        alpha = mask[top:bottom, left:right].astype(np.uint8) * 255
        if alpha.any():
            pixels = np.dstack([image[top:bottom, left:right], alpha])
            written.append(write_image(target.with_name(f"{target.name}_{number}.png"), pixels))
    return written


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
        shown = [entry for row in rows for entry in row] + [(title, overlay)] * 2
        frames = [caption(fit_width(drawn, GIF_WIDTH), text) for text, drawn in shown]
        gif_path = target.with_name(target.name + GIF)
        written.append(write_gif(gif_path, frames, FRAME_SECONDS))
    return written
