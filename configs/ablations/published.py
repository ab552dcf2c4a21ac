"""What the faults of the published release do, each switched on alone, then all together.

python tools/ablate.py configs/ablations/published.py

Their meaning: ``bmp/loop/published.py``. ``all`` has what
``configs/_base_/models/bmp_v2_published.py`` sets, on the small models.
"""

_faults = [
    "nms_area",
    "nms_empty",
    "nms_column",
    "nms_unfiltered",
    "prompt_boxes",
    "masks_new_only",
    "mask_polygons",
]
base = "configs/demo/bmp_demo.py"
changes = {
    **{fault: {"loop.compat": [fault]} for fault in _faults},
    "bgr_as_rgb": {"segmenter.bgr_as_rgb": True},
    "all": {
        "detector.inclusive_nms": True,
        "segmenter.bgr_as_rgb": True,
        "loop.compat": _faults,
        "loop.prompting.drop_outside": False,
        "loop.prompting.crowd_by_max_iou": 0.0,
        "loop.stop_early": False,
    },
}
show = ["loop/turn*/bbox_AP", "loop/turn*/segm_AP", "loop/turn*/keypoints_AP"]
