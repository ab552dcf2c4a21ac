"""Our metric and mmdet's against an independent backend, with errors of every kind."""

import json

import numpy as np
import pytest
import torch
from faster_coco_eval import COCO, COCOeval_faster
from mmdet.evaluation import CocoMetric
from pycocotools import mask as coco_mask

from bmp.detector_training import DetectionMetric

SHAPE = (120, 160)
CLASSES = ("person", "bicycle")


def disc(x1, y1, x2, y2):
    """A mask that fills the ellipse in a box."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    radii = max((x2 - x1) / 2, 1), max((y2 - y1) / 2, 1)
    distance = ((columns - (x1 + x2) / 2) / radii[0]) ** 2
    return distance + ((rows - (y1 + y2) / 2) / radii[1]) ** 2 <= 1


@pytest.fixture(scope="module")
def fixture(tmp_path_factory):
    """Annotations of 12 images with crowds, small and large people; predictions with noise."""
    folder = tmp_path_factory.mktemp("coco")
    rng = np.random.default_rng(0)
    annotations, predictions = [], []
    for image_id in range(12):
        found = {"bboxes": [], "masks": [], "scores": [], "labels": []}
        for _ in range(int(rng.integers(0, 7))):
            corner, side = rng.uniform(0, (100, 70)), rng.uniform(4, 50, 2)
            box, label = np.concatenate([corner, corner + side]), int(rng.integers(0, 2))
            rle = coco_mask.encode(np.asfortranarray(disc(*box).astype(np.uint8)))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": label + 1,
                    "bbox": [*corner.tolist(), *side.tolist()],
                    "area": float(coco_mask.area(rle)),
                    "iscrowd": int(rng.random() < 0.1),
                    "segmentation": {"size": list(SHAPE), "counts": rle["counts"].decode()},
                }
            )
            for _ in range(int(rng.integers(0, 3))):  # missed, found, found twice
                noisy = (box + rng.normal(0, 3, 4)).astype(np.float32)
                noisy[2:] = np.maximum(noisy[2:], noisy[:2] + 1)
                found["bboxes"].append(noisy)
                found["masks"].append(disc(*noisy))
                found["scores"].append(np.float32(rng.random()))
                found["labels"].append(label if rng.random() < 0.9 else 1 - label)
        predictions.append(
            {
                "bboxes": torch.tensor(np.array(found["bboxes"])).reshape(-1, 4),
                "masks": torch.tensor(np.array(found["masks"])).reshape(-1, *SHAPE),
                "scores": torch.tensor(found["scores"]),
                "labels": torch.tensor(found["labels"], dtype=torch.long),
            }
        )
    images = [{"id": n, "height": SHAPE[0], "width": SHAPE[1]} for n in range(12)]
    categories = [{"id": n + 1, "name": name} for n, name in enumerate(CLASSES)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder, predictions


@pytest.mark.parametrize(
    ("kind_of_metric", "classes", "digits"),
    [
        pytest.param(CocoMetric, CLASSES, 3, id="mmdet's"),  # it rounds
        pytest.param(DetectionMetric, CLASSES, 9, id="ours"),
        pytest.param(DetectionMetric, CLASSES[::-1], 9, id="ours, classes in another order"),
        pytest.param(DetectionMetric, CLASSES[:1], 9, id="ours, people alone"),
        pytest.param(DetectionMetric, ("bus", "Bicycle"), 9, id="ours, bicycles alone"),
    ],
)
def test_the_metrics_and_faster_coco_eval_agree(fixture, kind_of_metric, classes, digits, tmp_path):
    folder, predictions = fixture
    metric = kind_of_metric(
        str(folder / "annotations.json"),
        metric=["bbox", "segm"],
        outfile_prefix=str(tmp_path / "found"),
    )
    metric.dataset_meta = {"classes": classes}
    names = [name.lower() for name in classes]
    label_of = {n: names.index(name) if name in names else -1 for n, name in enumerate(CLASSES)}
    for image_id, found in enumerate(predictions):
        labels = torch.tensor([label_of[n] for n in found["labels"].tolist()], dtype=torch.long)
        found = {name: values[labels >= 0] for name, values in found.items()}
        found["labels"] = labels[labels >= 0]
        sample = {"img_id": image_id, "ori_shape": SHAPE, "pred_instances": found}
        metric.process({}, [sample])
    ours = metric.evaluate(len(predictions))

    annotations = COCO(str(folder / "annotations.json"))
    for kind in ("bbox", "segm"):
        found = json.loads((tmp_path / f"found.{kind}.json").read_text())
        if kind == "segm":  # beside a box, the area of a mask would be read as the box's
            found = [{k: v for k, v in entry.items() if k != "bbox"} for entry in found]
        results = annotations.loadRes(found)
        evaluation = COCOeval_faster(annotations, results, kind)
        evaluation.params.catIds = [n + 1 for n, name in enumerate(CLASSES) if name in names]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        names_of_stats = ("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l")
        numbers = [ours[f"coco/{kind}_{name}"] for name in names_of_stats]
        assert 0.1 < numbers[0] < 0.9
        assert numbers == pytest.approx(
            [round(float(value), digits) for value in evaluation.stats[:6]], abs=1e-9
        )
