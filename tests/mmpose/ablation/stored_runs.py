"""Finished runs as files, without any tool: rectangles found on a few images."""

import json

import numpy as np

from mmpose.ablation.run_folder import RunFolder


def write_truth(path, num_images=8):
    """Annotations with two people per image."""
    people = [
        {
            "id": 2 * n + k,
            "image_id": n,
            "category_id": 1,
            "bbox": [10.0 + 60 * k, 10.0, 40.0, 80.0],
            "area": 3200.0,
            "iscrowd": 0,
        }
        for n in range(num_images)
        for k in range(2)
    ]
    images = [
        {"id": n, "file_name": f"{n}.jpg", "width": 200, "height": 100} for n in range(num_images)
    ]
    content = {
        "images": images,
        "annotations": people,
        "categories": [{"id": 1, "name": "person"}],
    }
    path.write_text(json.dumps(content))
    return content


def make_results(content, seed, shift):
    """Boxes some pixels off, one person in four missed."""
    rng = np.random.default_rng(seed)
    results = []
    for person in content["annotations"]:
        if rng.random() < 0.25:
            continue
        x, y, w, h = person["bbox"]
        moved = [x + shift * rng.random(), y + shift * rng.random(), w, h]
        results.append(
            {
                "image_id": person["image_id"],
                "category_id": 1,
                "bbox": moved,
                "score": float(rng.random()),
            }
        )
    return results


def pycocotools_ap(content, results):
    """AP of boxes by the reference."""
    return pycocotools_stats(content, results)[0]


def pycocotools_stats(content, results):
    """The reference's twelve numbers of boxes: AP, AP .5, AP .75, AP (S), (M), (L), then AR."""
    import contextlib
    import io

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        # ids from 1: pycocotools takes 0 for "no match"
        people = [{**person, "id": person["id"] + 1} for person in content["annotations"]]
        truth.dataset = {**content, "annotations": people}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(number) for number in evaluation.stats]


def write_run(folder, truth, metrics, results, *, hash_text="0" * 64):
    """A finished run with one test, its numbers and its boxes."""
    run = RunFolder(folder)
    work_dir = run.path / "1-test"
    work_dir.mkdir(parents=True)
    step = {
        "name": "1-test",
        "task": "test",
        "truth": {"ann_file": str(truth), "metainfo": None, "use_area": True},
    }
    recipe = {"hash": hash_text, "steps": [step], "contents": [{}], "num_processes": 1}
    run.recipe_file.write_text(json.dumps(recipe))
    steps = {"1-test": {"exit_code": 0, "seconds": 12.0, "peak_mb": 800.0}}
    run.state_file.write_text(json.dumps({"state": "done", "steps": steps}))
    (work_dir / "metrics.json").write_text(json.dumps(metrics))
    (work_dir / "results.turn1.bbox.json").write_text(json.dumps(results))
    return run
