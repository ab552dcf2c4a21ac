"""The loop against an older build of itself and against the published way, in one run.

Equal weights, images and results: networks answer with maps that are made up (``loop_world.py``),
so that everybody finds the same people; the table says how far joints and masks differ. Outside
the networks is all the rest: black-out, letterbox, suppression, crops, decoding, prompts, masks.
The older build is checked out into a folder of its own and measured by another process.

Two tables of time: made-up networks alone, and, with ``--networks``, real ones with random weights
whose answers are thrown away. With ``--memory`` peaks are measured instead of time. Without a GPU,
time is that of the processor.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from reporting import now, print_table

ROOT = Path(__file__).resolve().parents[1]
BASELINE = "943e347"
CASES = ((12, 480, 640), (30, 480, 640), (12, 1080, 1920), (30, 1080, 1920))


def measure(case: dict) -> dict:
    """Seconds in all and in the networks, peak memory, and the answer, of the imported build."""
    from loop_world import World

    from bmp.loop import run_loop

    world = World(
        case["people"],
        tuple(case["shape"]),
        runs_networks=case["networks"],
        chooses_masks=case["chooses_masks"],
        device=case["device"],
        network=case["network"],
    )
    images = world.images(case["images"])
    if case["way"] == "published":
        from loop_published import published_loop, use_plain_networks

        use_plain_networks(world)
        run = lambda: published_loop(images, world)  # noqa: E731
    else:
        parts = (world.detector, world.pose_model, world.segmenter, world.settings)
        run = lambda: run_loop(images, *parts)  # noqa: E731
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, networks = [], []
    for _ in range(case["repeats"]):
        world.turn, world.stopwatch.seconds = 0, 0.0
        start = now()
        answer = run()
        seconds.append(now() - start)
        networks.append(world.stopwatch.seconds)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    _save(answer[0], case["answer"])
    best = seconds.index(min(seconds))
    return {"seconds": seconds[best], "networks": networks[best], "peak_gib": peak}


def _save(answer: object, path: str) -> None:
    """Joints and masks of the first image, ordered by the place of the first joint."""
    people = answer if isinstance(answer, dict) else answer.people.cpu()
    keypoints, masks = (np.asarray(people[name]) for name in ("keypoints", "masks"))
    order = np.lexsort(keypoints[:, 0].round().T)
    np.savez(path, keypoints=keypoints[order], masks=np.packbits(masks[order], axis=-1))


def difference(first: str, second: str) -> str:
    """How far two answers are apart: joints in pixels, masks in shares of their pixels."""
    one, two = np.load(first), np.load(second)
    if one["keypoints"].shape != two["keypoints"].shape:
        return f"{len(one['keypoints'])} people for {len(two['keypoints'])}"
    joints = np.abs(one["keypoints"] - two["keypoints"]).max()
    differing = np.unpackbits(one["masks"] ^ two["masks"]).sum()
    share = differing / max(1, np.unpackbits(one["masks"]).sum())
    return f"{joints:.2g} px, {share:.1e}"


def in_another_process(case: dict, build: Path) -> dict:
    """:func:`measure` with the packages of a build."""
    done = subprocess.run(
        [sys.executable, __file__, "--case", json.dumps(case)],
        env={**os.environ, "PYTHONPATH": str(build)},
        cwd=build,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"measuring {build} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(case: dict, builds: dict[str, Path], folder: Path) -> list[list[object]]:
    """Rows of one case, the older build first."""
    answers = {name: str(folder / f"{name.replace(' ', '_')}.npz") for name in builds}
    ways = {
        name: {"way": name if name == "published" else "loop", "answer": answers[name]}
        for name in builds
    }
    for name in builds.keys() - {"this build"}:
        ways[name]["network"] = {}
    runs = {
        name: in_another_process({**case, **ways[name]}, build) for name, build in builds.items()
    }
    rest = {name: run["seconds"] - run["networks"] for name, run in runs.items()}
    base = next(iter(builds))
    label = f"{case['people']} on {case['shape'][1]}×{case['shape'][0]}, {case['images']} image(s)"
    return [
        [
            label,
            name,
            run["seconds"],
            rest[name],
            rest[base] / rest[name],
            runs[base]["seconds"] / run["seconds"],
            100 * rest[name] / run["networks"] if case["networks"] else "",
            run["peak_gib"],
            difference(answers["this build"], answers[name]),
        ]
        for name, run in runs.items()
    ]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--baseline", default=BASELINE, help="commit of the older build")
    parser.add_argument("--images", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cases", type=int, nargs="+", help="which of the four cases, from 0")
    parser.add_argument("--networks", action="store_true", help="run real networks too")
    parser.add_argument("--backend", help="of this build's networks, such as openvino")
    parser.add_argument("--dtype", help="of this build's networks, such as bf16")
    parser.add_argument("--chooses-masks", action="store_true", help="pose_mask_consistency")
    parser.add_argument("--memory", action="store_true", help="100 people on a 4K image, once")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--case", help="used by the script itself")
    args = parser.parse_args()
    args.people = [CASES[n] for n in args.cases] if args.cases else CASES
    if args.memory:
        args.people, args.images, args.repeats = [(100, 2160, 3840)], [1], 1
    return args


def compare_all(args: argparse.Namespace, old: Path, folder: Path) -> list[list[object]]:
    """Rows of all cases, the older build in ``old``."""
    builds = {args.baseline: old, "published": ROOT, "this build": ROOT}
    if args.memory:  # floats for every pixel of every person would fill a small machine
        del builds["published"]
    shared = {
        "networks": args.networks,
        "chooses_masks": args.chooses_masks,
        "repeats": args.repeats,
        "device": args.device,
        "network": {k: v for k in ("backend", "dtype") if (v := getattr(args, k)) is not None},
    }
    return [
        row
        for people, *shape in args.people
        for images in args.images
        for row in compare(
            {"people": people, "shape": shape, "images": images, **shared}, builds, folder
        )
    ]


def main() -> None:
    args = read_arguments()
    if args.case:
        print(json.dumps(measure(json.loads(args.case))))
        return
    with tempfile.TemporaryDirectory() as name:
        old = Path(name, "baseline")
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(old), args.baseline], check=True)
        try:
            rows = compare_all(args, old, Path(name))
        finally:
            subprocess.run([*git, "remove", "--force", str(old)], check=True)
    headers = ["people", "build", "s", "outside, s", "times", "total, times", "% of networks"]
    print_table("Two turns", [*headers, "peak, GiB", "differs by"], rows)


if __name__ == "__main__":
    main()
