"""A data set of a few drawn people, written where a test wants it."""

import json
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

WIDTH, HEIGHT = 120, 90


def person(ann_id, image_id, left, top, width=30, height=60):
    """A box with 17 joints spread over it, every third occluded, and a mask that fills it."""
    steps = np.arange(17)
    xs = left + width * (steps % 4 + 0.5) / 4
    ys = top + height * (steps + 0.5) / 17
    seen = np.where(steps % 3 == 0, 1, 2)
    corners = [left, top, left + width, top, left + width, top + height, left, top + height]
    return {
        "id": ann_id,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [left, top, width, height],
        "area": width * height,
        "segmentation": [corners],
        "num_keypoints": 17,
        "keypoints": np.column_stack([xs, ys, seen]).astype(float).ravel().tolist(),
    }


def write_people(folder: Path, num_images: int = 5) -> dict:
    """Write ``annotations.json`` and ``images/``, two people in each; return the annotations."""
    (folder / "images").mkdir(parents=True)
    images, people = [], []
    for image_id in range(1, num_images + 1):
        name = f"{image_id}.png"
        image = np.random.default_rng(image_id).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        cv2.imwrite(str(folder / "images" / name), image)
        images.append({"id": image_id, "file_name": name, "width": WIDTH, "height": HEIGHT})
        people += [
            person(2 * image_id, image_id, 10, 15),
            person(2 * image_id + 1, image_id, 70, 20),
        ]
    categories = [{"id": 1, "name": "person"}]
    content = {"images": images, "annotations": people, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))
    return content


def _regular_joints(num_joints: int) -> list[list[float]]:
    return [[20.0 + i % 20, 20.0 + i // 2 % 50] for i in range(num_joints)]


def write_every_format(folder: Path) -> dict[str, str]:
    """People of every data set of the published configs; every joint of all is annotated.

    Returns:
        Name of the data set's class -> annotation file in ``folder``. Images are in
        ``images/``, detections in ``boxes.json``, MPII's head boxes in ``heads.mat``.
    """
    content = write_people(folder, num_images=2)
    people = content["annotations"]
    parts = {"foot": 6, "face": 68, "lefthand": 21, "righthand": 21}
    for one in people:
        for part, count in parts.items():
            joints = [[*joint, 2] for joint in _regular_joints(count)]
            one |= {f"{part}_valid": True, f"{part}_kpts": np.ravel(joints).tolist()}
    fourteen = np.ravel([[*joint, 2] for joint in _regular_joints(14)]).tolist()
    aic = [one | {"keypoints": fourteen, "num_keypoints": 14} for one in people]
    mpii = [
        {
            "image": f"{one['image_id']}.png",
            "center": [26.0, 46.0],
            "scale": 0.3,
            "joints": _regular_joints(16),
            "joints_vis": [1] * 16,
            "segmentation": one["segmentation"],
        }
        for one in people
    ]
    boxes = [
        {"image_id": one["image_id"], "category_id": 1, "score": 0.9}
        | {key: one[key] for key in ("bbox", "segmentation")}
        for one in people
    ]
    files = {
        "annotations.json": content,
        "aic.json": content | {"annotations": aic},
        "mpii.json": mpii,
        "boxes.json": boxes,
    }
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value))
    corners = np.zeros((2, 2, len(mpii)))
    corners[1] = 10
    savemat(folder / "heads.mat", {"headboxes_src": corners})
    coco_style = ("Coco", "CocoCrop", "CocoWholeBody", "OCHuman", "OCHumanDet")
    return {
        **{f"{name}Dataset": "annotations.json" for name in coco_style},
        "MpiiDataset": "mpii.json",
        "AicDataset": "aic.json",
    }


def redirect(node: object, folder: Path, files: dict[str, str]) -> None:
    """Point every data set and metric of a part of a config to what `write_every_format` wrote."""
    if isinstance(node, list | tuple):
        for item in node:
            redirect(item, folder, files)
    if not isinstance(node, dict):
        return
    if node.get("type") in files:
        node.update(data_root=str(folder), ann_file=files[node["type"]])
        node.update(data_prefix={"img": "images"})
        for key, file in (("bbox_file", "boxes.json"), ("headbox_file", "heads.mat")):
            if key in node:
                node[key] = file
    elif node.get("type") == "CocoMetric":
        is_aic = node["prefix"] == "AIC"
        node["ann_file"] = str(folder / ("aic.json" if is_aic else "annotations.json"))
    else:
        for value in node.values():
            redirect(value, folder, files)


def write_json(path, content):
    path.write_text(json.dumps(content))
    return str(path)


def mpii_entry(**changes):
    entry = {
        "image": "a.png",
        "center": [51.0, 46.0],
        "scale": 0.2,
        "joints": [[11.0 + i, 21.0] for i in range(16)],
        "joints_vis": [1] * 16,
    }
    return entry | changes
