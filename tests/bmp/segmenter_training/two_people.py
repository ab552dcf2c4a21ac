"""Two people as training samples of the segmenter."""

import json

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from bmp.segmenter_training import LoadPeople, PackPeople, PoseSegDataset, SquarePeople


def write_two_people(folder):
    """Two people as bright rectangles in a 60 × 40 image, four joints each inside them."""
    (folder / "images").mkdir()
    image = np.full((40, 60, 3), 30, np.uint8)
    annotations = []
    for i, (x, y, w, h) in enumerate([(4, 5, 20, 30), (20, 10, 30, 24)]):
        cv2.rectangle(image, (x, y), (x + w - 1, y + h - 1), (90 + 90 * i, 200, 120), -1)
        joints = [
            (x + 2, y + 2, 2),
            (x + w - 3, y + 2, 2),
            (x + 2, y + h - 3, 2),
            (x + 9, y + 9, 1),
        ]
        joints += [(0, 0, 0)] * 13
        polygon = [x, y, x + w, y, x + w, y + h, x, y + h]
        annotations.append(
            {
                "id": i + 1,
                "image_id": 7,
                "category_id": 1,
                "bbox": [x, y, w, h],
                "area": w * h,
                "iscrowd": 0,
                "segmentation": [polygon],
                "keypoints": [value for joint in joints for value in joint],
            }
        )
    cv2.imwrite(str(folder / "images" / "a.png"), image)
    content = {
        "images": [{"id": 7, "file_name": "a.png", "height": 40, "width": 60}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def dataset(folder, *extra, mask_size=32, with_originals=False, **options):
    pack = PackPeople(with_originals=with_originals)
    return PoseSegDataset(
        ann_file="annotations.json",
        data_root=str(folder),
        data_prefix={"img": "images"},
        pipeline=[LoadPeople(), *extra, SquarePeople(64, mask_size), pack],
        **options,
    )


def batch(folder, count=2, **options):
    samples = dataset(folder, **options)
    packed = pseudo_collate([samples[0] for _ in range(count)])
    inputs = torch.stack(packed["inputs"]).float() / 255
    return inputs, packed["data_samples"]
