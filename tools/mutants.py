"""Try small wrong changes of the code, and count those that the tests notice.

    python tools/mutants.py --num 60 --seed 1                # a sample of the core
    python tools/mutants.py --files bmp/loop/run.py              # everything about one file
    python tools/mutants.py --files bmp/loop/run.py --num 20 --jobs 2 --list

Each mutant is written into a copy of the repository and meets the tests that import or mirror its
file, until one fails. A timeout counts as noticed: it is an endless loop. The survivors are
printed with their changes; what really changes nothing goes into
``tools/mutation/equivalents.toml`` with a reason.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from mutation.fork_server import copy_repository, preload, run_mutants, start_tests, wait_for
from mutation.kinds import Mutant, find_mutants
from mutation.relevant_tests import ImportGraph
from mutation.report import choose, is_known, read_equivalents, stale, table

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENTS = Path(__file__).parent / "mutation" / "equivalents.toml"
SLOWER = 3  # than without a mutant, on a busy machine: no endless loop yet
# where a wrong sign is a wrong number: the loop, prompts, codecs, metrics, files, training data
CORE = (
    "bmp/loop/run.py",
    "bmp/loop/suppression.py",
    "bmp/loop/published.py",
    "bmp/loop/refine.py",
    "bmp/segmenters/prompting.py",
    "bmp/segmenters/prompts.py",
    "bmp/segmenters/keypoint_selection.py",
    "bmp/segmenters/batched_decoding.py",
    "bmp/segmenters/shared_attention.py",
    "bmp/segmenters/shared_decoder.py",
    "bmp/segmenters/prompt_crops.py",
    "bmp/segmenters/clean_up.py",
    "bmp/detectors/selection.py",
    "bmp/detectors/instance_masks.py",
    "bmp/detectors/mask_upsampling.py",
    "bmp/detectors/letterbox.py",
    "bmp/detectors/box_file.py",
    "bmp/detector_training/remove_people.py",
    "bmp/evaluation/[!_]*.py",
    "bmp/segmenter_training/clicks.py",
    "bmp/segmenter_training/losses.py",
    "bmp/segmenter_training/prompted.py",
    "mmpose/codecs/[!_]*.py",
    "mmpose/evaluation/[!_]*.py",
    "mmpose/structures/crop.py",
    "mmpose/datasets/transforms/masking.py",
    "mmpose/datasets/transforms/region_mask.py",
    "mmpose/datasets/transforms/topdown_affine.py",
    "mmpose/datasets/transforms/blackout.py",
    "mmpose/datasets/categories.py",
    "mmpose/datasets/coco_file.py",
    "mmpose/datasets/coco_style.py",
    "mmpose/datasets/joint_names.py",
    "mmpose/datasets/people_records.py",
    "mmpose/datasets/image_files.py",
    "mmpose/datasets/result_records.py",
    "mmpose/datasets/combined.py",
    "mmpose/datasets/samplers.py",
    "mmpose/datasets/joint_mapping.py",
    "mmpose/engine/checkpoint.py",
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", nargs="+", default=CORE, help="files or patterns; else the core")
    parser.add_argument("--num", type=int, help="how many mutants to draw; else all of the files")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (0)")
    parser.add_argument(
        "--timeout",
        type=float,
        default=90.0,
        help="seconds a mutant, beside three times what its tests take (90)",
    )
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (1)")
    parser.add_argument("--list", action="store_true", help="print the mutants, run nothing")
    args = parser.parse_args()
    if args.num is None and args.files is CORE:
        parser.error("give --num, or --files: all mutants of the core are some 5,000")
    return args


def find_files(patterns: list[str]) -> list[str]:
    """Files of the repository by patterns, each once.

    Raises:
        SystemExit: a pattern fits no file.
    """
    found = {pattern: sorted(ROOT.glob(pattern)) for pattern in patterns}
    if empty := [pattern for pattern, paths in found.items() if not paths]:
        raise SystemExit(f"no file fits {empty}; patterns are relative to {ROOT}")
    return sorted({str(path.relative_to(ROOT)) for paths in found.values() for path in paths})


def check_tests(copy: Path, tests: dict[str, list[str]]) -> dict[str, float]:
    """How long the tests of each source file take without a mutant, seconds.

    Raises:
        SystemExit: some fail; nothing can be learned from tests that fail anyway.
    """
    begin, log = time.monotonic(), copy.parent / "log"
    everything = sorted({test for some in tests.values() for test in some})
    process = start_tests(copy, everything, log)
    while (code := wait_for(process, float("inf"))) is None:
        time.sleep(0.2)
    if code != 0:
        raise SystemExit(f"{log.read_text()[-4000:]}\nthe tests fail without a mutant: fix them")
    print(f"{len(everything)} test files pass in {time.monotonic() - begin:.0f} s", flush=True)
    seconds = json.loads(log.with_suffix(".json").read_text())
    return {path: sum(seconds.get(test, 0) for test in some) for path, some in tests.items()}


def run(mutants: list[Mutant], args: argparse.Namespace) -> dict[Mutant, str]:
    """The outcome of each mutant."""
    graph = ImportGraph(ROOT)
    tests = {path: graph.tests_of(path) for path in {mutant.path for mutant in mutants}}
    outcomes = {}
    preload()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [copy_repository(ROOT, Path(folder, str(i))) for i in range(args.jobs)]
        seconds = check_tests(copies[0], tests)
        limits = {path: args.timeout + SLOWER * seconds[path] for path in tests}
        for mutant, outcome in run_mutants(mutants, tests, limits, copies):
            outcomes[mutant] = outcome
            place = f"{mutant.path}:{mutant.line}"
            print(f"{len(outcomes)}/{len(mutants)} {outcome}: {place} {mutant.kind}", flush=True)
    return outcomes


def main() -> None:
    args = parse_arguments()
    sources = {path: (ROOT / path).read_bytes() for path in find_files(args.files)}
    found = {path: find_mutants(path, source) for path, source in sources.items()}
    chosen = choose(found, args.num, args.seed)
    equivalents = read_equivalents(EQUIVALENTS)
    known = {m: "equivalent" for m in chosen if is_known(m, sources[m.path], equivalents)}
    if args.list:
        for mutant in chosen:
            print(f"{mutant.path}:{mutant.line} {mutant.kind}\n{mutant.diff(sources[mutant.path])}")
        return
    outcomes = known | run([mutant for mutant in chosen if mutant not in known], args)
    for mutant, outcome in sorted(outcomes.items()):
        if outcome == "survived":
            print(f"\n{mutant.path}:{mutant.line} {mutant.kind} survived")
            print(mutant.diff(sources[mutant.path]))
    print(f"\n{table(outcomes)}")
    for entry in stale(equivalents, ROOT):
        print(f"stale in {EQUIVALENTS.name}: {entry.file} has no line {entry.line!r} any more")


if __name__ == "__main__":
    sys.exit(main())
