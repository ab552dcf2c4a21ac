"""What ``tools/ablate.py`` does with its arguments."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from mmpose.engine.config import find_project_root
from mmpose.errors import check_writable
from mmpose.files import whole_file
from mmpose.machine import describe_machine

from .curves import read_scalars
from .definition import BASE, read_ablation
from .identity import Digests, Identifier, Locate, locate_nothing
from .plan import Check, Plan, Run, make_plan
from .plots import draw_curves, draw_knob, knob_points
from .repeat import describe, export, mismatches, read_export, run_base
from .reports import make_reports
from .scheduler import Settings, work
from .slurm import submit
from .store import STORE, RunStore
from .table import make_table
from .table_text import to_csv, to_latex, to_markdown

FREE_MB = 50.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the tool."""
    parser.add_argument("file", help="ablation, such as configs/ablations/loop_turns.py")
    parser.add_argument("--root", default="work_dirs/ablations", help="folder of all runs")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="rows to run; * for anything")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time (1)")
    parser.add_argument("--nproc", type=int, default=1, help="processes of each run (1)")
    parser.add_argument("--gpus", help="numbers dealt out to runs, 0,1,2,3; else what is visible")
    parser.add_argument(
        "--launcher", choices=("none", "slurm"), default="none", help="slurm submits an array"
    )
    parser.add_argument("--slurm-options", nargs="+", default=[], help="of sbatch, in quotes")
    parser.add_argument("--fail-fast", action="store_true", help="begin nothing after a failure")
    parser.add_argument("--retry-failed", action="store_true", help="also what failed before")
    parser.add_argument("--dry-run", action="store_true", help="say what would run, and stop")
    parser.add_argument("--table", action="store_true", help="make the table of what is done")
    parser.add_argument("--reports", action="store_true", help="with pages that say why")
    parser.add_argument("--check", choices=(BASE,), help="run the base twice and compare")
    parser.add_argument("--steps", type=int, default=5, help="of trainings under --check (5)")
    parser.add_argument("--export", help="JSON file for the numbers of --check")
    parser.add_argument("--against", help="compare --check with this file of another commit")


def run_ablation(
    args: argparse.Namespace,
    tools: Path,
    *,
    locate: Locate = locate_nothing,
    check: Check | None = None,
) -> int:
    """Do what the arguments ask.

    Args:
        args: of :func:`add_arguments`.
        tools: folder of ``train.py`` and ``test.py``.
        locate: files that configs name by a short name.
        check: looks at each resolved config.

    Returns:
        Exit code: 1 where a run failed or the base differs from itself.
    """
    _check_arguments(args)
    store = RunStore(args.root)
    ablation = read_ablation(args.file)
    digests = Digests(store.root / STORE / "digests.json")
    identifier = Identifier(find_project_root(args.file), digests, locate)
    plan = make_plan(ablation, identifier, num_processes=args.nproc, check=check)
    for change in ablation.changes.keys() - plan.rows().keys():
        print(f"{change}: the base, no row of its own")
    runs = _select(plan, args.only)
    if args.dry_run:
        _tell_plan(plan, runs, store)
        return 0
    check_writable(store.root / STORE, "--root", free_mb=FREE_MB)
    digests.save()  # after the dry run, which leaves no files
    if args.check:
        return _check_base(plan, tools, store, args)
    if args.table:
        _write_tables(plan, store, tools if args.reports else None)
        return 0
    store.prepare(plan, tools)
    if args.launcher == "slurm":
        return _submit(runs, store, plan, args)
    settings = Settings(args.jobs, _gpus(args.gpus), args.retry_failed, args.fail_fast)
    failed = work(runs, store, settings)
    _write_tables(plan, store, tools if args.reports else None)
    if failed:
        names = ", ".join(run.name for run in failed)
        print(f"{len(failed)} runs failed: {names}; --retry-failed tries them again")
    return int(bool(failed))


def _check_arguments(args: argparse.Namespace) -> None:
    """Refuse what could not work, or would have no effect."""
    for name in ("jobs", "nproc", "steps"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name} must be at least 1, got {getattr(args, name)}")
    if not args.check and (args.export or args.against):
        raise ValueError("--export and --against belong to --check base; give it too")
    if args.check and args.nproc > 1:
        raise ValueError(f"--check runs the base in one process; leave out --nproc {args.nproc}")
    if args.export:
        check_writable(Path(args.export).parent, "--export")
    is_slurm = args.launcher == "slurm"
    if args.slurm_options and not is_slurm:
        raise ValueError("--slurm-options are those of --launcher slurm; give it too")
    if is_slurm and (args.fail_fast or args.gpus):
        raise ValueError(
            "--launcher slurm submits all runs at once, and Slurm deals out GPUs; leave out "
            "--fail-fast and --gpus (--slurm-options '--gres gpu:1' asks for one)"
        )


def _select(plan: Plan, only: Sequence[str] | None) -> list[Run]:
    """The rows that are asked for."""
    if only is None:
        return list(plan.runs)
    rows = plan.rows()
    for name in only:
        if not any(fnmatchcase(row, name) for row in rows):
            raise ValueError(f"--only {name} fits no row; rows are {', '.join(rows)}")
    return [run for run in plan.runs if any(fnmatchcase(run.change, name) for name in only)]


def _gpus(given: str | None) -> list[str]:
    text = given if given is not None else os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if not text and given is None:
        import torch  # takes seconds that nothing else here needs

        return [str(number) for number in range(torch.cuda.device_count())]
    return [part.strip() for part in text.split(",") if part.strip()]


def _tell_plan(plan: Plan, runs: Sequence[Run], store: RunStore) -> None:
    print(f"{plan.ablation.name}: {len(runs)} runs, base {plan.base_hash[:8]}")
    for run in runs:
        print(f"{run.name}: {store.folder(run).state()}")
        for place, (before, after) in plan.difference(run).items():
            print(f"    {place}: {before!r} -> {after!r}")


def _submit(runs: Sequence[Run], store: RunStore, plan: Plan, args: argparse.Namespace) -> int:
    wanted = ["new", "interrupted", *(["failed"] if args.retry_failed else [])]
    waiting = [run for run in runs if store.folder(run).state() in wanted]
    options = [word for text in args.slurm_options for word in text.split()]
    folder = store.ablation_folder(plan.ablation.name)
    job = submit(waiting, store, folder, jobs=args.jobs, options=options, again=args.retry_failed)
    print("nothing to submit" if job is None else f"submitted as job {job}; --table shows the rest")
    return 0


def _write_tables(plan: Plan, store: RunStore, tools: Path | None) -> None:
    """Tables and plots beside the links of the ablation; the Markdown is printed too.

    With tools also a page for each result file.
    """
    if tools is not None:
        make_reports(plan, store, tools, print)
    table = make_table(plan, store)
    folder = store.ablation_folder(plan.ablation.name)
    page = to_markdown(table)
    texts = {"table.md": page, "table.csv": to_csv(table), "table.tex": to_latex(table)}
    for (key, column), points in knob_points(plan, table).items():
        texts[f"{_file_name(column)}-over-{_file_name(key)}.svg"] = draw_knob(points, key, column)
    texts |= _curves(plan, store)
    for name, text in texts.items():
        with whole_file(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    print(f"{page}\nWritten to {folder}: {', '.join(sorted(texts))}")


def _curves(plan: Plan, store: RunStore) -> dict[str, str]:
    """Learning curves of all runs, a plot for each loss and validated number."""
    by_name: dict[str, dict] = {}
    for run in plan.runs:
        for step in run.steps:
            if step.task == "train":
                curves = read_scalars(store.folder(run).path / step.name)
                for name, curve in curves.items():
                    if len(curve[0]) > 1:
                        by_name.setdefault(name, {})[run.change, run.seed] = curve
    return {f"curve-{_file_name(name)}.svg": draw_curves(c, name) for name, c in by_name.items()}


def _file_name(text: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in text)


def _check_base(plan: Plan, tools: Path, store: RunStore, args: argparse.Namespace) -> int:
    """Run the base twice, or once where a file of another commit is given."""
    base, against = plan.runs[0], args.against
    before = None if against is None else read_export(Path(against))  # before minutes of work
    place = store.ablation_folder(plan.ablation.name)
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="check-", dir=place) as folder:
        first = run_base(base, tools, Path(folder, "first"), steps=args.steps)
        if before is None:
            second = run_base(base, tools, Path(folder, "second"), steps=args.steps)
        else:
            first, second = before, first
    if args.export:
        export(second, Path(args.export), describe_machine(tools))
    what = "run twice" if against is None else f"in {against} and now"
    found = mismatches(first, second)
    names = dict.fromkeys([*first, *second])
    count = sum(max(len(first.get(n, ())), len(second.get(n, ()))) for n in names)
    if not count:
        raise ValueError("the base gives no numbers to compare: nothing was logged or measured")
    print(f"{plan.ablation.name}, base {what}: {describe(found, count)}")
    sys.stdout.flush()
    return int(bool(found))
