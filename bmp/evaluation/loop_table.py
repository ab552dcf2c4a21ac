"""The numbers of the loop's evaluation as tables for people."""

from collections.abc import Mapping, Sequence

from bmp.loop.stage_clock import STAGES
from mmpose.evaluation.coco_ap import CROWD_LEVELS

NAMES = {"bbox": "box AP", "segm": "mask AP", "keypoints": "pose AP"}


def format_table(metrics: Mapping[str, float], iou_types: Sequence[str]) -> str:
    """One row per turn, the gains of a turn over the one before, and seconds by stage.

    ``found``: annotated people matched by a box (else mask, else pose) at IoU 0.5.

    Args:
        metrics: of :class:`bmp.evaluation.LoopCocoMetric`.
        iou_types: what was evaluated.
    """
    num_turns = sum(name.endswith("/num_people") for name in metrics)
    turns = [f"turn{n + 1}" for n in range(num_turns)]
    images = f"{metrics['num_images']} images"
    if metrics["num_failed"]:
        images += f", {metrics['num_failed']} of them could not be read and count as empty"
    lines = [*_align(_numbers(metrics, iou_types, turns)), images]
    if num_turns > 1:
        lines += ["", "gain over the turn before, 95 % paired interval over images"]
        lines += _align(_gains(metrics, iou_types, turns[1:]))
    if any(f"{turn}/seconds_{stage}" in metrics for turn in turns for stage in STAGES):
        lines += ["", "seconds per image; an answer of the cache takes none of its stage"]
        lines += _align(_seconds(metrics, turns))
    return "\n".join(lines)


def _numbers(
    metrics: Mapping[str, float], iou_types: Sequence[str], turns: Sequence[str]
) -> list[list[str]]:
    levels = [f"AP({level})" for level in CROWD_LEVELS]
    others = [name for name in (*levels, "Ex-AP") if f"turn1/keypoints_{name}" in metrics]
    header = ["after", *(NAMES[kind] for kind in iou_types), *others]
    header += ["people", "found", "annotated"]
    counted = iou_types[0]
    rows = [header]
    for turn in turns:
        row = [turn.replace("turn", "turn ")]
        for kind in iou_types:
            value, low, high = (metrics[f"{turn}/{kind}_AP{end}"] for end in ("", "_low", "_high"))
            row.append(f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]")
        row += [_percent(metrics[f"{turn}/keypoints_{name}"]) for name in others]
        row += [str(metrics[f"{turn}/{key}"]) for key in ("num_people", f"{counted}_found")]
        rows.append([*row, str(metrics[f"{counted}_true"])])
    return rows


def _gains(
    metrics: Mapping[str, float], iou_types: Sequence[str], turns: Sequence[str]
) -> list[list[str]]:
    rows = [["after", *(NAMES[kind] for kind in iou_types)]]
    for turn in turns:
        row = [turn.replace("turn", "turn ")]
        for kind in iou_types:
            gain, low, high = (
                100 * metrics[f"{turn}/{kind}_AP_{end}"]
                for end in ("gain", "gain_low", "gain_high")
            )
            row.append(f"{gain:+.2f} [{low:+.2f}, {high:+.2f}]")
        rows.append(row)
    return rows


def _seconds(metrics: Mapping[str, float], turns: Sequence[str]) -> list[list[str]]:
    rows = [["turn", *STAGES, "all"]]
    for turn in turns:
        spent = [metrics.get(f"{turn}/seconds_{stage}", 0.0) for stage in STAGES]
        rows.append(
            [turn.replace("turn", "turn "), *(f"{s:.3f}" for s in spent), f"{sum(spent):.3f}"]
        )
    return rows


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


def _percent(value: float) -> str:
    return "-" if value < 0 else f"{100 * value:.1f}"  # -1: no such image
