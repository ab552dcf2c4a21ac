"""Three joints a person, nose, left and right, in a world where ten pixels are one spread."""

import numpy as np

from mmpose.analysis.partners import find_partners
from mmpose.datasets.coco_file import complete_annotations

# the area is 10,000 px² and twice the sigma 0.1: similarity is exp(-d² / 200)
SIGMAS = [0.05] * 3
FLIP = [0, 2, 1]
NAMES = ["nose", "left", "right"]
AREA = 10_000


def person(x, *, image=1, flags=(2, 2, 2), box=None, **fields):
    """A person 100 pixels wide: nose at (x + 50, 50), left at (x + 100, 100), right at (x, 100)."""
    joints = [[x + 50, 50], [x + 100, 100], [x, 100]]
    keypoints = [[a, b, v] if v else [0, 0, 0] for (a, b), v in zip(joints, flags, strict=True)]
    return {
        "image_id": image,
        "category_id": 1,
        "bbox": box or [x, 0, 100, 100],
        "area": AREA,
        "iscrowd": 0,
        "keypoints": np.ravel(keypoints).tolist(),
        "num_keypoints": sum(v > 0 for v in flags),
        **fields,
    }


def pose(x, *, score=0.9, image=1, nose=(0, 0), left=(0, 0), right=(0, 0)):
    """The pose of a person, each joint moved by so many pixels."""
    joints = np.array([[x + 50, 50], [x + 100, 100], [x, 100]]) + np.array([nose, left, right])
    keypoints = np.concatenate([joints, np.ones((3, 1))], 1).ravel().tolist()
    return {"image_id": image, "category_id": 1, "keypoints": keypoints, "score": score}


def partners_of(people, poses, num_images=1):
    content = {
        "images": [
            {"id": n + 1, "file_name": f"{n + 1}.png", "width": 1000, "height": 200}
            for n in range(num_images)
        ],
        "annotations": [{"id": n + 1, **one} for n, one in enumerate(people)],
        "categories": [{"id": 1, "name": "person"}],
    }
    return find_partners(complete_annotations(content), poses, "keypoints", sigmas=SIGMAS)
