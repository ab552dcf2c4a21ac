"""Keypoint AP counted by xtcocotools, the evaluator of MMPose: optional, to check ours against.

Equal to ours, with two rules of its own: results whose joints all have the third value 0 are left
out, and AP(E), AP(M), AP(H) of CrowdPose are rounded to four digits.
"""

import contextlib
import io
import json
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np

from mmpose.datasets.coco_file import complete_annotations

from .coco_evaluator import prepare
from .coco_numbers import KEYPOINT_STATS
from .extended_rules import ExtendedRules

# without build isolation, and not the wheel: that one is made for numpy 1
INSTALL = (
    "pip install cython setuptools && "
    "pip install --no-build-isolation --no-binary xtcocotools xtcocotools"
)
CROWD_STATS = ("AP", "AP .5", "AP .75", "AR", "AR .5", "AR .75", "AP(E)", "AP(M)", "AP(H)")
_STATS = {"keypoints": KEYPOINT_STATS, "keypoints_crowd": CROWD_STATS}


def require_xtcocotools(evaluations: Sequence[ExtendedRules] = ()) -> None:
    """See that xtcocotools can be used.

    Args:
        evaluations: what it is to count.

    Raises:
        ImportError: it is not installed, or as the wheel for numpy 1; names the command.
        ValueError: an evaluation has rules beyond COCO's.
    """
    if not all(rules.are_cocos for rules in evaluations):
        raise ValueError(
            "xtcocotools counts by COCO's rules alone: leave out use_xtcocotools, or extended, "
            "match_by_bbox and ignore_border_points"
        )
    try:
        import_module("xtcocotools.cocoeval")
    except ModuleNotFoundError as error:
        raise ImportError(f"use_xtcocotools needs {error.name}: {INSTALL}") from error
    except (ImportError, ValueError) as error:
        raise ImportError(
            f"xtcocotools does not work with numpy {np.__version__} ({error}); build it here: "
            f"{INSTALL}"
        ) from error


def xtcocotools_ap(
    content: dict,
    detections: Sequence[dict],
    sigmas: Sequence[float],
    *,
    iou_type: str = "keypoints",
    use_area: bool = True,
) -> dict[str, float]:
    """COCO's ten keypoint numbers, or CrowdPose's nine.

    Args:
        content: ground truth, COCO's annotation format.
        detections: COCO results; may be empty.
        sigmas: per-joint constants, (K,).
        iou_type: ``keypoints`` or ``keypoints_crowd``.
        use_area: whether the annotated areas count; else 0.53 of the box.

    Returns:
        The names of `keypoint_ap` or `crowd_keypoint_ap`; no intervals.

    Raises:
        ImportError: see :func:`require_xtcocotools`.
        ValueError: a file cannot be used, as in `evaluate`.
    """
    require_xtcocotools()
    api = import_module("xtcocotools.coco").COCO
    judge_class = import_module("xtcocotools.cocoeval").COCOeval
    content = complete_annotations(content)
    prepared = prepare(content, detections, "keypoints", num_joints=len(sigmas))
    truth = api()
    # copies of people and results: it writes into them
    truth.dataset = {
        "images": content["images"],
        "categories": content["categories"],
        "annotations": [dict(person) for person in prepared.people],
    }
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        # it reads how crowded images are from the file
        path = Path(folder) / "images.json"
        path.write_text(json.dumps({"images": content["images"]}))
        truth.anno_file = [str(path), None]
        found = truth.loadRes([dict(result) for result in prepared.results])
        judge = judge_class(truth, found, iou_type, np.asarray(sigmas, np.float64), use_area)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return dict(zip(_STATS[iou_type], map(float, judge.stats), strict=True))
