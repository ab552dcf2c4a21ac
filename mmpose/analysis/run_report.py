"""The page of a training: metrics, curves, samples, starts, warnings, machine and config."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmpose.engine.run_logs import Curve, Start, join, last_chain, read_starts
from mmpose.inputs import UnreadableImageError, read_image

from .curve_plots import curve_plot
from .report_images import data_address
from .report_page import Picture, Plot, Report, Section, Table
from .run_history import (
    best_of,
    changes_between,
    environment_of,
    lost_values,
    matters,
    sheets_of,
    warnings_of,
)

SHEET_SIDE = 1200  # px, of a sheet of samples on the page
KINDS = {
    "fixed": "the same samples at each validation, evenly spread over the validation set",
    "worst_oks": "the people of the validation with the lowest OKS",
    "worst_loss": "crops of the last training batch with the highest losses, as the network "
    "saw them",
    "worst": "the images of the validation that are answered worst",
}
ENDS = ("_low", "_high")  # of intervals


def make_run_report(work_dir: str | os.PathLike) -> Report:
    """The page of the last training in a folder.

    Args:
        work_dir: of the training.

    Raises:
        FileNotFoundError: there is no such folder, or no log in it.
    """
    found = read_starts(work_dir)
    starts = last_chain(found)
    curves = join(starts)
    resumes = [start.first_step for start in starts[1:] if start.first_step is not None]
    sections = [
        _metrics(curves),
        _curves(curves, resumes),
        _samples(starts),
        _starts(starts, len(found) - len(starts), curves),
        _environment(starts),
        _config(starts),  # the longest
    ]
    name = Path(work_dir).resolve().name
    return Report(f"Training {name}", _facts(Path(work_dir), starts, curves), sections)


def _facts(work_dir: Path, starts: Sequence[Start], curves: Mapping[str, Curve]) -> dict[str, str]:
    last, record = starts[-1], starts[-1].record
    step = max(steps[-1] for steps, _ in curves.values())
    state = f"step {step:,}"
    if record.get("max_iters"):
        state += f" of {record['max_iters']:,}"
    if record.get("finished"):
        state += f"; finished {record['finished']} UTC"
    elif record:
        state += "; goes on, or broke off"
    facts = {"Folder": str(work_dir.resolve()), "State": state}
    if record.get("config_file"):
        facts["Config"] = record["config_file"]
    facts["Started"] = starts[0].record.get("started") or starts[0].name
    if len(starts) > 1:
        facts["Resumed"] = f"{len(starts) - 1} times, last {last.record.get('started', last.name)}"
    return facts


def _validated(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """Metrics of validations by name, without ends of intervals and times."""
    return {
        name.removeprefix("val/"): curve
        for name, curve in curves.items()
        if name.startswith("val/")
        and not name.endswith(ENDS)
        and name not in ("val/time", "val/data_time")
    }


def _metrics(curves: Mapping[str, Curve]) -> Section:
    rows = []
    for name, curve in _validated(curves).items():
        best = best_of(name, curve)
        last = curve[1][-1]
        is_of_nobody = last == -1 and "A" in name
        rows.append(
            {
                "metric": name,
                "last": None if is_of_nobody else last,
                "best": None if best is None else best[1],
                "at step": None if best is None else best[0],
            }
        )
    if not rows:
        return Section("Metrics", "No validation is logged yet.")
    note = "A dash: nobody of that kind is annotated, or nothing tells which end is better."
    return Section("Metrics", tables=[Table("Validations", rows, note)])


def _curves(curves: Mapping[str, Curve], resumes: Sequence[int]) -> Section:
    plots = []

    def add(title: str, chosen: Mapping[str, Curve], note: str = "", best=None) -> None:
        if chosen:
            svg = curve_plot(chosen, title, best=best, resumes=resumes)
            plots.append(Plot(title, svg, note))

    training = {n.removeprefix("train/"): c for n, c in curves.items() if n.startswith("train/")}
    losses = {name: curve for name, curve in training.items() if "loss" in name}
    add("Loss", {n: c for n, c in losses.items() if n == "loss"})
    if len(losses) > 2:
        add("Parts of the loss", {n: c for n, c in losses.items() if n != "loss"})
    for name, curve in _validated(curves).items():
        if matters(name):
            add(name, {name: curve}, "Validation; the dot is the best.", best_of(name, curve))
    add("Shares of training batches", {n: c for n, c in training.items() if n.startswith("acc")})
    rates = {n.removeprefix("lr/"): c for n, c in training.items() if n.startswith("lr/")}
    rates = rates or {n: c for n, c in training.items() if n == "lr"}
    told = f"Six of {len(rates)} groups of parameters." if len(rates) > 6 else ""
    add("Learning rates", rates, told)
    speed = {n: c for n, c in training.items() if n == "people_per_s"}
    add("People per second", speed, "Of all processes, without the time of validations.")
    share = {n: c for n, c in training.items() if n == "wait_share"}
    add("Share of time waiting for data", share, "Of the first process.")
    if not speed:  # older logs
        add("Seconds per step", {n: c for n, c in training.items() if n in ("time", "data_time")})
    text = "Dashed: the training went on after a stop. ×: the value was not finite." * bool(plots)
    return Section("Curves", text, plots=plots)


def _samples(starts: Sequence[Start]) -> Section:
    pictures = []
    for name, by_step in sheets_of(starts).items():
        steps = list(by_step)
        # how the same samples were answered at first stands beside the last answer
        shown = [steps[0], steps[-1]] if name == "fixed" and len(steps) > 1 else [steps[-1]]
        views, problem = {}, ""
        for step in shown:
            try:
                image = read_image(str(by_step[step]))
                views[f"Step {step:,}"] = data_address(image, SHEET_SIDE)
            except (UnreadableImageError, OSError) as error:
                problem = f"cannot be shown: {error}"
        pictures.append(Picture(name.replace("_", " "), KINDS.get(name, ""), views, problem))
    text = "Truth on the left, prediction on the right."
    return Section("Samples", text if pictures else "None were drawn.", pictures=pictures)


def _config(starts: Sequence[Start]) -> Section:
    record = next((start.record for start in reversed(starts) if start.record), {})
    against, tables = record.get("against_base"), []
    if against is not None:
        against = {place: pair for place, pair in against.items() if place != "resume"}
        changed = {p: pair for p, pair in against.items() if pair[0] != "–"}
        added = {p: pair[1] for p, pair in against.items() if pair[0] == "–"}
        rows = [{"place": p, "base": old, "run": new} for p, (old, new) in changed.items()]
        tables.append(Table("Changed", rows))
        rows = [{"place": place, "run": value} for place, value in added.items()]
        tables.append(Table("Added", rows))
        text = "What the run takes and the bases of its config file say otherwise, or not at all."
    elif record:
        text = "The config file has no base to compare with."
    else:
        text = "How the config differs from its base was not recorded by this run."
    changes = changes_between(starts)
    if changes:
        tables.insert(0, Table("Changed at a resume", changes))
    return Section("Config against its base", text, tables=tables)


def _environment(starts: Sequence[Start]) -> Section:
    found = [environment_of(start) for start in starts]
    names = dict.fromkeys(name for one in found for name in one)
    rows = []
    for name in names:
        # a resume elsewhere shows as several values
        values = list(dict.fromkeys(one[name] for one in found if name in one))
        rows.append({"what": name, "value": " → ".join(values)})
    return Section("Environment", tables=[Table("Machine and versions", rows)])


def _starts(starts: Sequence[Start], num_older: int, curves: Mapping[str, Curve]) -> Section:
    rows = [
        {
            "start": start.record.get("started") or start.name,
            "from step": start.first_step,
            "logged to": start.last_step,
            "finished": start.record.get("finished"),
        }
        for start in starts
    ]
    tables = [Table("Starts", rows), Table("Warnings", warnings_of(starts))]
    lost = lost_values(curves)
    if lost:
        tables.insert(0, Table("Values that are not finite", lost))
    text = ""
    if num_older:
        text = f"{num_older} older starts in this folder belong to another training: not shown."
    return Section("Starts and warnings", text, tables=tables)
