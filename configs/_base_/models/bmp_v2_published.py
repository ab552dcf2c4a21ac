"""BBoxMaskPose v2 with every behaviour of the published code that can change numbers.

Not reproduced: a person without a usable joint, whom the published code segments from an empty
prompt, keeps the detector's mask; and the limit of 40 people counts after the suppression of
overlapping ones, not before.
"""

_base_ = ["bmp_v2.py"]

model = dict(
    detector=dict(max_people=40, inclusive_nms=True),
    segmenter=dict(bgr_as_rgb=True),
    loop=dict(
        prompting=dict(drop_outside=False, crowd_by_max_iou=0.0),
        refresh_bboxes=False,
        stop_early=False,
        compat=[
            "nms_area",
            "nms_empty",
            "nms_column",
            "nms_unfiltered",
            "prompt_boxes",
            "masks_new_only",
            "mask_polygons",
        ],
    ),
)
