"""Small copies of the data sets that the loop is evaluated on, laid out like the real ones."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np

SHARED = Path(__file__).parents[4] / "shared" / "data" / "mmpose_fixtures"
COCO_NAMES = ["nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder"]
COCO_NAMES += ["right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"]
COCO_NAMES += ["left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"]
CROWDPOSE_NAMES = [*COCO_NAMES[5:], "head", "neck"]
OCHUMAN = "ochuman_coco_format_{}_range_0.00_1.00.json"
# set -> annotations and images below the set's folder, as the releases have them
LAYOUTS = {
    "coco": ("annotations/person_keypoints_val2017.json", "val2017"),
    "ochuman_val": (OCHUMAN.format("val"), "images"),
    "ochuman_test": (OCHUMAN.format("test"), "images"),
    "ochuman_pose_val": ("annotations/ochuman-pose_coco_format_val.json", "images"),
    "crowdpose": ("annotations/mmpose_crowdpose_test.json", "images"),
    "cihp": ("cihp_val.json", "instance-level_human_parsing/Validation/Images"),
}
LAYOUTS |= dict.fromkeys(("coco_true_boxes", "coco_filed_boxes"), LAYOUTS["coco"])
LAYOUTS["ochuman_pose_val_filed_boxes"] = LAYOUTS["ochuman_pose_val"]
BOX_FILES = {
    "coco_filed_boxes": "person_detection_results/COCO_val2017_detections_AP_H_56_person.json",
    "ochuman_pose_val_filed_boxes": "detections/rtmdet-l-ins_val.json",
}
SETS = sorted(LAYOUTS)


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def read(path):
    return json.loads(path.read_text())


def made_up(name):
    """Two images of 60 x 80 with one person each, in the format of a set."""
    names = CROWDPOSE_NAMES if name == "crowdpose" else COCO_NAMES
    joints = [value for n in range(len(names)) for value in (20 + n, 10 + 2 * n, 2)]
    square = [[15, 5, 45, 5, 45, 55, 15, 55]]
    images = [
        {"id": n, "file_name": f"00000{n}.jpg", "height": 60, "width": 80, "crowdIndex": 0.3 * n}
        for n in (1, 2)
    ]
    people = [
        {"id": n, "image_id": n, "category_id": 1, "iscrowd": 0, "area": 1500}
        | {"bbox": [15, 5, 30, 50], "segmentation": square}
        | ({} if name == "cihp" else {"keypoints": joints, "num_keypoints": len(names)})
        for n in (1, 2)
    ]
    categories = [{"id": 1, "name": "person", "keypoints": names}]
    return {"images": images, "annotations": people, "categories": categories}


def lay_out(root, name):
    """A set of made-up images; its folder."""
    annotations, folder = LAYOUTS[name]
    content = made_up(name)
    (root / folder).mkdir(parents=True)
    for image in content["images"]:
        pixels = np.full((60, 80, 3), 90, np.uint8)
        cv2.imwrite(str(root / folder / image["file_name"]), pixels)
    write_json(root / annotations, content)
    add_boxes(root, name, content)
    return root


def lay_out_fixture(root, name):
    """A set from the real images in shared/, which have to be there; its folder."""
    kind = "crowdpose" if name == "crowdpose" else "coco" if "coco" in name else "ochuman"
    annotations, folder = LAYOUTS[name]
    content = read(SHARED / kind / f"test_{kind}.json")
    if name == "cihp":
        for person in content["annotations"]:
            del person["keypoints"], person["num_keypoints"]
    (root / folder).mkdir(parents=True)
    for image in content["images"]:
        shutil.copy(SHARED / kind / image["file_name"], root / folder)
    write_json(root / annotations, content)
    add_boxes(root, name, content)
    return root


def add_boxes(root, name, content):
    """The file of boxes of a set that has one: the annotated ones; OCHuman's by its own ids."""
    if name not in BOX_FILES:
        return
    renamed = 1000 if name.startswith("ochuman") else 0
    people = [p for p in content["annotations"] if not p["iscrowd"]]
    boxes = [
        {"image_id": p["image_id"] + renamed, "category_id": 1, "bbox": p["bbox"], "score": 0.9}
        for p in people
    ]
    write_json(root / BOX_FILES[name], boxes)
    if renamed:
        images = [image | {"id": image["id"] + renamed} for image in content["images"]]
        content = content | {"images": images, "annotations": []}
        write_json(root / OCHUMAN.format("val"), content)
