"""Setting J1 of BBoxMaskPose v1: detect, pose, segment, and pose again on the refined masks.

Purkrabek & Matas, ICCV 2025, table 4. The published configuration cannot run (its SAM and pose
configs are missing); this is SAM 2.1 at 1024 x 1024 and MaskPose-b. The chain without a loop is
``loop.num_iters=1``.
"""

_base_ = ["bmp_v2.py"]

model = dict(
    pose_model=dict(config="MaskPose-b-1.1.0", checkpoint="MaskPose-b-1.1.0.pth"),
    segmenter=dict(config="sam2.1_hiera-b+_sa-v-1024x1024", checkpoint="sam2.1_hiera_base_plus.pt"),
    loop=dict(
        prompting=dict(
            num_pos_keypoints=4,
            num_pos_keypoints_if_crowd=6,
            selection_method="distance+confidence",
            crowd_by_max_iou=0.5,
            batch=True,
        ),
        final_pose=True,
    ),
)
