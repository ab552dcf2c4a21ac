"""The loop on the small models that ship with the project."""

model = dict(
    type="bmp.BBoxMaskPoseModel",
    detector=dict(
        config="rtmdet-ins_lite0_synthcrowd-320x320",
        checkpoint="rtmdet-ins_lite0_demo.safetensors",
        score_thr=0.3,
        nms_iou_thr=0.3,
        max_people=100,
    ),
    pose_model=dict(
        config="pmpose_lite0_synthcrowd-128x96",
        checkpoint="pmpose_lite0_demo.safetensors",
    ),
    segmenter=dict(
        config="sam-pose2seg_lite0_synthcrowd-256x256",
        checkpoint="sam-pose2seg_demo.safetensors",
    ),
    loop=dict(
        num_iters=2,
        oks_nms_thr=0.8,
        prompting=dict(
            num_pos_keypoints=8,
            num_neg_keypoints=0,
            confidence_thr=0.5,
            visibility_thr=0.5,
            selection_method="k_most_visible",
            use_bbox=False,
            no_joint="keep",
        ),
        pose_mask_consistency=True,  # the small segmenter is not always better than the detector
        exclusive_masks=True,
        refresh_bboxes=False,
    ),
    # answers of the parts, for evaluations alone: an ablation computes only what changes
    cache=dict(folder="work_dirs/loop_cache", max_gib=20.0),
)
