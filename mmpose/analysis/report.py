"""The page of an evaluation: numbers, kinds of errors, joints, reliability, worst images."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from .explanation import TYPE_NAMES, Explanation
from .pose_errors import KINDS, PoseErrors
from .region_errors import RegionErrors
from .report_images import picture_of
from .report_page import Picture, Plot, Report, Section, Table
from .report_plots import bar_plot, reliability_plot


def make_report(
    explanation: Explanation,
    *,
    facts: Mapping[str, str],
    images: str | os.PathLike | None = None,
    tables: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Report:
    """The page of an explanation.

    Args:
        explanation: of :func:`explain`.
        facts: name -> text, told first, such as the names of the files.
        images: folder of the images; None: the worst are listed and not drawn.
        tables: title -> records, further tables of the same evaluation.
    """
    name = TYPE_NAMES[explanation.iou_type]
    pictures = [
        picture_of(
            one,
            explanation.partners,
            explanation.iou_type,
            None if images is None else os.fspath(images),
            explanation.skeleton,
        )
        for one in explanation.worst
    ]
    sections = [_summary(explanation)]
    if tables:
        sections.append(Section("Reasons", tables=[Table(*item) for item in tables.items()]))
    if explanation.errors is not None:
        sections.append(_errors(explanation.errors))
    if explanation.pose_errors is not None:
        sections += [_pose_errors(explanation.pose_errors), _joints(explanation.joints)]
        sections.append(_slices(explanation.slices))
    sections += [_reliability(explanation), _worst(pictures, images is not None)]
    return Report(f"Evaluation of {name}", facts, sections)


def _summary(explanation: Explanation) -> Section:
    numbers, partners = explanation.numbers, explanation.partners
    rows = [
        {
            "number": name,
            "value": value if value >= 0 else None,
            "95 % interval": _interval(numbers, f"{name}_"),
        }
        for name, value in numbers.items()
        if not name.endswith(("_low", "_high"))
    ]
    right = int(partners.is_right.sum())
    num_people = int((~partners.is_ignored).sum())
    counts = {
        "images": len(partners.images),
        "people annotated": num_people,
        "people found": right,
        "people lost": num_people - right,
        "results read": len(partners.results),
        "results that are wrong": int((partners.counts & ~partners.is_right).sum()),
        "results passed over": int((~partners.counts).sum()),
    }
    return Section(
        "Summary",
        "A person is found where a result reaches a similarity of 0.5 (OKS of poses, IoU of boxes "
        "and masks). Intervals are bootstrapped over images.",
        tables=[
            Table("Numbers", rows, "In [0, 1]; a dash where nobody of that size is annotated."),
            Table("Counts", [{"what": what, "how many": count} for what, count in counts.items()]),
        ],
    )


def _interval(numbers: Mapping[str, float | None], prefix: str = "") -> str | None:
    low, high = (numbers.get(f"{prefix}{end}") for end in ("low", "high"))
    return None if low is None or not low >= 0 else f"{low:.3f} to {high:.3f}"


def _errors(errors: RegionErrors) -> Section:
    rows = errors.table()
    plot = bar_plot(rows, "error", ["cost"], name="Cost in AP of each kind of error")
    return Section(
        "Kinds of errors",
        f"TIDE's kinds at an IoU of 0.5, where AP is {errors.ap:.3f}. The cost of a kind is what "
        "AP gains when it alone is repaired; costs do not add up.",
        tables=[Table("Kinds", rows, "The last two are special: each repairs several kinds.")],
        plots=[Plot("Cost in AP", plot)],
    )


def _pose_errors(errors: PoseErrors) -> Section:
    rows = errors.table()
    plot = bar_plot(rows, "error", ["in turn"], name="Gain in AP, one after the other")
    return Section(
        "Kinds of errors",
        f"Kinds of Ronchi & Perona; AP is {errors.ap:.3f}. Alone: what AP gains when this kind is "
        "repaired and no other. In turn: when they are repaired one after the other.",
        tables=[Table("Kinds", rows, "Counted are joints; of the last two, poses and people.")],
        plots=[Plot("Gain in AP, in turn", plot)],
    )


def _joints(rows: Sequence[Mapping[str, Any]]) -> Section:
    kinds = [name for name, _ in KINDS]
    # green, amber, red, violet, grey: right ones stand out, lost ones recede
    plot = bar_plot(rows, "joint", kinds, name="Kinds of each joint", shades=(4, 1, 2, 3, 5))
    return Section(
        "Joints",
        "Labelled joints of all people who have a pose (OKS of at least 0.1): shares of good ones "
        "and of each kind of error, the similarity reached, and the confidence given.",
        tables=[Table("By joint", rows)],
        plots=[Plot("Shares", plot)],
    )


def _slices(slices: Mapping[str, Sequence[Mapping[str, Any]]]) -> Section:
    tables, plots = [], []
    for title, rows in slices.items():
        shown = [
            {
                "slice": row["slice"],
                "people": row["people"],
                "AP": row["AP"],
                "95 % interval": _interval({"low": row["AP low"], "high": row["AP high"]}),
            }
            for row in rows
        ]
        name = title[0].upper() + title[1:]
        tables.append(Table(name, shown))
        plots.append(Plot(name, bar_plot(rows, "slice", ["AP"], name=f"AP by {title}")))
    return Section(
        "Slices",
        "AP of some people only; the others count neither as found nor as missed. MaxIoU is the "
        "highest IoU of a person's box with another's. By size: see the summary.",
        tables=tables,
        plots=plots,
    )


def _reliability(explanation: Explanation) -> Section:
    curves = explanation.curves
    rows = [
        {
            "predicted": curve.name,
            "count": curve.count,
            "ECE": curve.ece,
            "Brier": curve.brier,
            "mean confidence": curve.confidence,
            "came true": curve.frequency,
        }
        for curve in curves
    ]
    text = (
        "Of all predictions of a confidence of 0.7, 70 % should come true. ECE is the expected "
        "calibration error in 10 bins; both it and the Brier score are best at 0."
    )
    if explanation.reasons:
        text += f" Not drawn: {'; '.join(explanation.reasons)}."
    return Section(
        "Reliability",
        text,
        tables=[Table("Calibration", rows)],
        plots=[
            Plot(c.name[0].upper() + c.name[1:], reliability_plot(c), c.truth)
            for c in curves
            if c.count
        ],
    )


def _worst(pictures: Sequence[Picture], has_folder: bool) -> Section:
    text = (
        "Images by shortfall: the sum over their people of 1 − similarity with the right result, "
        "1 for a person without. "
    )
    text += (
        "Boxes and masks are green where right or found, red where wrong or lost, grey where "
        "passed over. As many results are drawn as people count, the best scored ones."
        if has_folder
        else "Name the folder of the images (--images) to see them."
    )
    return Section("Worst images", text, pictures=pictures)
