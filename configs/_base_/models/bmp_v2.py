"""BBoxMaskPose v2: RTMDet-Ins-L, PMPose-b and SAM-pose2seg, two turns.

The weights are the published ones, downloaded once or put into ``models/``. Published defects are
fixed; ``bmp_v2_published.py`` has them.
"""

model = dict(
    type="bmp.BBoxMaskPoseModel",
    detector=dict(
        config="rtmdet-ins_l_8xb32-300e_coco-640x640",
        checkpoint="rtmdet-ins-l-mask.pth",
        score_thr=0.3,
        nms_iou_thr=0.3,
        max_people=100,
    ),
    pose_model=dict(config="PMPose-b-1.0.0", checkpoint="PMPose-b-1.0.0.pth"),
    segmenter=dict(
        config="sam-pose2seg_hiera-b+_coco-1024x1024", checkpoint="SAM-pose2seg_hiera_b+.pt"
    ),
    loop=dict(
        num_iters=2,
        oks_nms_thr=0.8,
        prompting=dict(
            num_pos_keypoints=3,
            num_pos_keypoints_if_crowd=3,
            num_neg_keypoints=0,
            confidence_thr=0.5,
            visibility_thr=0.5,
            selection_method="k_most_visible",
            use_bbox=False,
            extend_bbox=False,
            crowd_by_max_iou=None,
            no_joint="keep",
        ),
        pose_mask_consistency=False,
        exclusive_masks=True,
        refresh_bboxes=True,
    ),
    # answers of the parts, for evaluations alone: an ablation computes only what changes
    cache=dict(folder="work_dirs/loop_cache", max_gib=20.0),
)
