"""AP, its interval and a comparison of result files, against pycocotools on the same files.

Each measurement is a process of its own, so that memory is that of one of them. Seconds are of the
processor. ``read`` parses the two JSON files; ``AP`` goes from parsed records to the numbers: for
pycocotools its index and loadRes are part of it, for ours the checks of all records.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from reporting import print_table

KINDS = ("keypoints", "bbox")
HEADERS = ["what", "read, s", "AP, s", "times", "all, s", "times", "peak, GB", "times"]
MEASURE = """
import json, sys, time
what, kind, truth, results = sys.argv[1:]
seconds = [time.process_time()]
def mark():
    seconds.append(time.process_time())
if what == "pycocotools":
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    mark()
    content, found = (json.load(open(path)) for path in (truth, results))
    mark()
    index = COCO()
    index.dataset = content
    index.createIndex()
    evaluation = COCOeval(index, index.loadRes(found), kind)
    evaluation.evaluate(); evaluation.accumulate(); evaluation.summarize()
    value = float(evaluation.stats[0])
else:
    from mmpose.datasets.annotation_files import read_coco_file
    from mmpose.evaluation.comparison import compare_results
    from mmpose.evaluation.extended_rules import ExtendedRules
    from mmpose.evaluation.result_files import evaluate_results, read_results
    mark()
    content, found = read_coco_file(truth), read_results(results, compact=True)
    mark()
    if what == "compare":
        value = compare_results(content, found, found, kind).first
    else:
        rules = ExtendedRules() if what.startswith("Ex-AP") else None
        intervals = what.endswith("intervals")
        value = evaluate_results(content, found, kind, rules=rules, intervals=intervals)["AP"]
mark()
lines = open("/proc/self/status").read().splitlines()  # getrusage begins at the parent's peak
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e6
json.dump({"seconds": [b - a for a, b in zip(seconds, seconds[1:])], "peak": peak, "AP": value},
          sys.stderr)
"""


def made_up(num_images: int, num_found: int, num_people: int) -> tuple[dict, list[dict]]:
    """Ground truth and results, boxes and poses: half of what is found is near somebody."""
    rng = np.random.default_rng(0)
    images, people, results = [], [], []
    for number in range(1, num_images + 1):
        images.append({"id": number, "width": 640, "height": 480})
        own = [_shape(rng) for _ in range(num_people)]
        shared = {"image_id": number, "category_id": 1}
        for box, joints in own:
            labelled = np.column_stack([joints, rng.integers(0, 3, 17)]).round(1)
            fields = {"id": len(people) + 1, "area": 0.53 * box[2] * box[3], "iscrowd": 0}
            fields |= {"bbox": box.tolist(), "keypoints": labelled.ravel().tolist()}
            num_labelled = int((labelled[:, 2] > 0).sum())
            people.append(shared | fields | {"num_keypoints": num_labelled})
        for n in range(num_found):
            box, joints = own[n % num_people] if n < num_found // 2 else _shape(rng)
            spread = rng.choice([1, 4, 20])
            joints = np.column_stack([joints + rng.normal(size=(17, 2)) * spread, rng.random(17)])
            box = box + rng.normal(size=4) * spread / 2
            box[2:] = abs(box[2:]) + 1
            fields = {"bbox": box.round(2).tolist(), "keypoints": joints.round(2).ravel().tolist()}
            results.append(shared | fields | {"score": float(rng.random())})
    categories = [{"id": 1, "name": "person"}]
    return {"images": images, "annotations": people, "categories": categories}, results


def _shape(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    corner, sides = rng.uniform(0, 400, 2), rng.uniform(20, 200, 2)
    return np.concatenate([corner, sides]), rng.uniform(corner, corner + sides, (17, 2))


def measure(what: str, kind: str, files: list[str]) -> dict:
    """Seconds (imports, read, AP), peak memory in GB and AP of one process."""
    command = [sys.executable, "-c", MEASURE, what, kind, *files]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stderr.splitlines()[-1])


def rows_of(kind: str, files: list[str]) -> list[list]:
    """The rows of boxes or poses, ratios to pycocotools."""
    base = measure("pycocotools", kind, files)
    names = ["AP", "AP with intervals", "compare"]
    if kind == "keypoints":
        names += ["Ex-AP", "Ex-AP with intervals"]
    rows = []
    for name in ("pycocotools", *names):
        found = base if name == "pycocotools" else measure(name, kind, files)
        if not name.startswith("Ex"):
            assert abs(found["AP"] - base["AP"]) < 1e-9, (name, found["AP"], base["AP"])
        read, ap = found["seconds"][1:]
        pairs = [(ap, base["seconds"][2]), (read + ap, sum(base["seconds"][1:]))]
        pairs.append((found["peak"], base["peak"]))
        ratios = [figure for value, other in pairs for figure in (value, value / other)]
        rows.append([f"{kind}, {name}", read, *ratios])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--found", type=int, default=20, help="results per image")
    parser.add_argument("--people", type=int, default=2, help="annotated people per image")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("truth.json", "results.json")]
        for path, content in zip(files, made_up(args.images, args.found, args.people), strict=True):
            Path(path).write_text(json.dumps(content))
        for kind in args.kinds:
            rows += rows_of(kind, files)
    print_table(
        f"{args.images} images of {args.found} results and {args.people} people; baseline: "
        "pycocotools. Intervals are of 1,000 draws; compare is two files and 1,000 draws",
        HEADERS,
        rows,
    )


if __name__ == "__main__":
    main()
