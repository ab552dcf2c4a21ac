"""What the loop does with the segmenter's masks, one switch at a time.

python tools/ablate.py configs/ablations/refinement.py
"""

base = "configs/demo/bmp_demo.py"
changes = {
    # consistency chooses between two masks, so it cannot stay without refined ones
    "no-refined-masks": {"loop.refine_masks": False, "loop.pose_mask_consistency": False},
    "no-consistency": {"loop.pose_mask_consistency": False},
    "no-exclusive-masks": {"loop.exclusive_masks": False},
    "refreshed-boxes": {"loop.refresh_bboxes": True},
}
show = ["loop/turn*/bbox_AP", "loop/turn*/segm_AP", "loop/turn*/keypoints_AP"]
