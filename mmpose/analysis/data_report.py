"""What a check of an annotation file tells: as text, and as a page with pictures."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from mmpose.datasets.faults import MEANINGS
from mmpose.datasets.file_check import FileCheck
from mmpose.files import whole_file, write_json

from .fault_pictures import fault_picture, image_picture
from .people_statistics import (
    FLAGS,
    PeopleStatistics,
    overlap_rows,
    per_image_rows,
    size_rows,
    visibility_rows,
)
from .report_page import Plot, Report, Section, Table, write_page
from .report_plots import bar_plot

LONGEST_PLACE = 300  # characters of a message that is shown
CROWDED = 3  # images that are drawn


def summary(check: FileCheck, statistics: PeopleStatistics | None) -> dict[str, str]:
    """Name -> text: the file in a few lines."""
    facts = {"Annotations": check.source, "Images": check.folder or "not found, not looked at"}
    if statistics is not None and check.content is not None:
        whole = len(check.content["annotations"])
        unused = ", ".join(f"{count} {why}" for why, count in check.unused.items())
        facts["Size"] = f"{statistics.num_images} images, {whole} annotations of people"
        facts["Poses"] = f"{check.num_used} people can be trained on"
        facts["Poses"] += f"; the others: {unused}" if unused else ""
        facts["Masks"] = f"{statistics.mask_share:.0%} of the people, crowds aside"
    joints = f"{len(check.joint_names)}, " if check.joint_names else ""
    facts["Joints"] = joints + (check.skeleton or "of no bundled skeleton")
    harmful = "something is lost or misread" if check.is_harmed else "nothing is lost"
    facts["Verdict"] = f"kinds of faults: {len(check.faults)}; {harmful}"
    return facts


def fault_rows(check: FileCheck) -> list[dict[str, Any]]:
    """A row for each kind of fault, the worst first."""
    return [
        {
            "level": fault.level.value,
            "how many": fault.count,
            "fault": fault.kind,
            "first": fault.places[0][:LONGEST_PLACE],
        }
        for fault in check.faults
    ]


def format_check(check: FileCheck, statistics: PeopleStatistics | None) -> str:
    """The check as text, its numbers of people below the faults."""
    lines = [f"{name + ':':13} {text}" for name, text in summary(check, statistics).items()]
    levels = dict.fromkeys(fault.level for fault in check.faults)
    for level in levels:
        lines += ["", f"{level.value}: {MEANINGS[level]}"]
        for fault in check.faults:
            if fault.level is level:
                lines.append(f"  {fault.count:7}  {fault.kind}")
                lines.append(f"           first: {fault.places[0][:LONGEST_PLACE]}")
    if statistics is not None:
        for title, rows in _tables(check, statistics).items():
            lines += ["", title, *_aligned(rows)]
    return "\n".join(lines)


def _aligned(rows: list[dict[str, Any]]) -> list[str]:
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in cells
    ]


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.1%}" if isinstance(value, float) else str(value)


def _tables(check: FileCheck, statistics: PeopleStatistics) -> dict[str, list[dict[str, Any]]]:
    """Titles and rows; without those that say nothing of this file."""
    tables = {
        "people per image, crowds aside": per_image_rows(statistics.per_image),
        "size": size_rows(statistics.areas),
        "overlap of boxes with another person's": overlap_rows(statistics.box_overlap),
        "overlap of masks with another person's": overlap_rows(statistics.mask_overlap),
        "crowd index of images (CrowdPose's measure)": crowd_rows(statistics.crowd_index),
        "labelled joints": visibility_rows(statistics.visibility, check.joint_names),
    }
    if not statistics.num_people:
        return {}
    if not len(statistics.mask_overlap):
        del tables["overlap of masks with another person's"]
    return {title: rows for title, rows in tables.items() if rows}


def crowd_rows(values: np.ndarray) -> list[dict[str, Any]]:
    """How many images are easy, medium and hard by CrowdPose's ends, 0.1 and 0.8."""
    if not len(values):
        return []
    members = {
        "easy (to 0.1)": values <= 0.1,
        "medium": (values > 0.1) & (values <= 0.8),
        "hard (over 0.8)": values > 0.8,
    }
    return [
        {"crowd index": name, "images": int(inside.sum()), "share": float(inside.mean())}
        for name, inside in members.items()
    ]


def data_page(check: FileCheck, statistics: PeopleStatistics | None) -> Report:
    """The check as a page: faults, pictures of examples, numbers of people."""
    levels = dict.fromkeys(fault.level for fault in check.faults)
    faults = Section(
        "Faults",
        " ".join(f"{level.value.capitalize()}: {MEANINGS[level]}." for level in levels)
        or "None was found.",
        tables=[Table("By kind", fault_rows(check))] if check.faults else (),
    )
    drawn = [fault_picture(check, fault) for fault in check.faults]
    pictures = [picture for picture in drawn if picture is not None]
    sections = [faults]
    if pictures:
        text = "The annotation in question is red, other people's boxes grey."
        sections.append(Section("Examples of faults", text, pictures=pictures))
    if statistics is not None and statistics.num_people:
        sections += [_people(check, statistics), *_crowded(check, statistics)]
    return Report("Check of annotations", summary(check, statistics), sections)


def write_check(
    folder: str | os.PathLike, check: FileCheck, statistics: PeopleStatistics | None
) -> Path:
    """Write ``check.html``, ``check.txt`` and ``faults.json``, which lists every place.

    Args:
        folder: made if it is missing.
        check: of a file.
        statistics: of its people; None where the whole file is refused.

    Returns:
        The page.
    """
    folder = Path(folder)
    with whole_file(folder / "check.txt") as partial:
        partial.write_text(format_check(check, statistics) + "\n", encoding="utf-8")
    listed = [
        {"level": fault.level, "fault": fault.kind, "count": fault.count, "where": fault.places}
        for fault in check.faults
    ]
    write_json(folder / "faults.json", listed, indent=1)
    return write_page(folder / "check.html", data_page(check, statistics))


def _people(check: FileCheck, statistics: PeopleStatistics) -> Section:
    tables = _tables(check, statistics)
    plots = []
    for title, rows in tables.items():
        label, columns = next(iter(rows[0])), ["share"]
        if label == "joint":
            rows, columns = rows[:-1], list(FLAGS.values())
        if label == "joint" and len(rows) > 60:
            continue
        plots.append(Plot(_headline(title), bar_plot(rows, label, columns, name=title)))
    shown = [Table(_headline(title), rows) for title, rows in tables.items()]
    return Section("People", "Crowd regions are no people.", tables=shown, plots=plots)


def _crowded(check: FileCheck, statistics: PeopleStatistics) -> list[Section]:
    """The images with the most people, to see what the file is like."""
    if check.folder is None:
        return []
    order = np.argsort(-statistics.per_image, kind="stable")[:CROWDED]
    images = check.content["images"]
    crowded = [images[n] for n in order.tolist() if images[n].get("file_name")]
    title = f"{statistics.per_image[order].min()} and more people"
    pictures = [image_picture(check, crowded, title)]
    return [Section("Images with the most people", pictures=pictures)]


def _headline(title: str) -> str:
    """A title that begins with a capital."""
    return title[:1].upper() + title[1:]
