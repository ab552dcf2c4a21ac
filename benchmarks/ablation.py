"""What an ablation of many finished runs costs beside the runs: listing, hashing, tabulating.

python benchmarks/ablation.py --runs 500

The runs are made up: result files of rectangles on a few images, with numbers as if a loop had
found them. The baseline is reading one result file and its annotations for each run.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from reporting import print_table

from bmp.locations import find_config, locate_checkpoint
from mmpose.ablation.definition import read_ablation
from mmpose.ablation.identity import Digests, Identifier
from mmpose.ablation.measures import keep_draws
from mmpose.ablation.plan import Plan, make_plan
from mmpose.ablation.store import STORE, RunStore
from mmpose.ablation.table import make_table
from mmpose.ablation.table_text import to_csv, to_latex, to_markdown
from mmpose.datasets.annotation_files import read_json
from mmpose.evaluation.result_files import evaluate_numbers
from mmpose.files import write_json
from mmpose.project import PROJECT_ROOT

FOLDERS = ("rtmdet", "PMPose", "MaskPose", "sam_pose2seg", "demo")
NUM_SEEDS = 5
PEOPLE = 4  # on each image


def locate(key: str, name: str) -> Path | None:
    """As tools/ablate.py does."""
    return find_config(name, FOLDERS) if key == "config" else locate_checkpoint(name)


def write_truth(path: Path, num_images: int) -> dict:
    """People as rectangles."""
    people = [
        {
            "id": 1 + n * PEOPLE + k,
            "image_id": n,
            "category_id": 1,
            "bbox": [50.0 * k, 10.0, 40.0, 90.0],
            "area": 3600.0,
            "iscrowd": 0,
        }
        for n in range(num_images)
        for k in range(PEOPLE)
    ]
    images = [
        {"id": n, "file_name": f"{n}.jpg", "width": 300, "height": 200} for n in range(num_images)
    ]
    content = {"images": images, "annotations": people, "categories": [{"id": 1, "name": "person"}]}
    write_json(path, content)
    return content


def write_ablation(folder: Path, truth: Path, num_runs: int) -> Path:
    """A file of ``num_runs`` runs on the loop's demo config, the base among them."""
    changes = {
        f"n{n}": {"loop.oks_nms_thr": 0.1 + n * 1e-3} for n in range(num_runs // NUM_SEEDS - 1)
    }
    lines = [f"base = {str(PROJECT_ROOT / 'configs/demo/bmp_demo.py')!r}", f"changes = {changes!r}"]
    lines += [f"options = {{'test_evaluator.ann_file': {str(truth)!r}}}"]
    lines += [f"seeds = {list(range(NUM_SEEDS))!r}", 'show = ["loop/turn*/bbox_AP"]']
    path = folder / "many.py"
    path.write_text("\n".join(lines) + "\n")
    return path


def finish(plan: Plan, store: RunStore, content: dict) -> None:
    """Write what the runs would have stored."""
    rng = np.random.default_rng(0)
    for run in plan.runs:
        folder = store.folder(run)
        results = []
        for person in content["annotations"]:
            x, y, w, h = person["bbox"]
            dx, dy, score = rng.random(3)
            box = [x + 10 * dx, y + 10 * dy, w, h]
            results.append(
                {**{k: person[k] for k in ("image_id", "category_id")}, "bbox": box, "score": score}
            )
        write_json(folder.path / "1-test" / "results.turn1.bbox.json", results)
        precision = evaluate_numbers(content, results, "bbox").stats["AP"]
        metrics = {"loop/turn1/bbox_AP": precision, "loop/num_images": len(content["images"])}
        write_json(folder.path / "1-test" / "metrics.json", metrics)
        steps = {"1-test": {"exit_code": 0, "seconds": 1.0, "peak_mb": 1.0}}
        folder.write_record({"state": "done", "steps": steps})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--images", type=int, default=100)
    args = parser.parse_args()
    rows = []

    def measure(name: str, run):
        start = time.perf_counter()
        result = run()
        rows.append([name, time.perf_counter() - start])
        return result

    with tempfile.TemporaryDirectory() as folder:
        content = write_truth(Path(folder, "truth.json"), args.images)
        path = write_ablation(Path(folder), Path(folder, "truth.json"), args.runs)
        store = RunStore(Path(folder, "ablations"))
        digests = Digests(store.root / STORE / "digests.json")

        def list_runs() -> Plan:
            return make_plan(read_ablation(path), Identifier(PROJECT_ROOT, digests, locate))

        measure("list and hash, first call of the process", list_runs)
        plan = measure("list and hash again", list_runs)
        measure("write recipes and links", lambda: store.prepare(plan, PROJECT_ROOT / "tools"))
        finish(plan, store, content)
        measure("states of all runs", lambda: [store.folder(run).state() for run in plan.runs])
        folders = [store.folder(run) for run in plan.runs]
        measure(
            "by workers, as runs end: draws of images", lambda: [keep_draws(f) for f in folders]
        )
        table = measure("table", lambda: make_table(plan, store))
        measure("as text", lambda: [to_markdown(table), to_csv(table), to_latex(table)])
        results = [store.folder(run).path / "1-test/results.turn1.bbox.json" for run in plan.runs]
        measure("baseline: reading every result file", lambda: [read_json(p) for p in results])
    print_table(f"{len(plan.runs)} finished runs", ["what", "seconds"], rows)


if __name__ == "__main__":
    main()
