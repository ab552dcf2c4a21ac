"""Which scores rank the people, and from which score on a detection counts.

python tools/ablate.py configs/ablations/scores.py
"""

base = "configs/demo/bmp_demo.py"
changes = {
    "box-score": {"loop.score_factors": ["bbox_scores"]},
    "joint-score": {"loop.score_factors": ["keypoint_scores"]},
    "all-scores": {"loop.score_factors": ["bbox_scores", "keypoint_scores", "mask_scores"]},
    "detector-0.1": {"detector.score_thr": 0.1},
    "detector-0.2": {"detector.score_thr": 0.2},
    "detector-0.5": {"detector.score_thr": 0.5},
}
show = ["loop/turn*/bbox_AP", "loop/turn*/segm_AP", "loop/turn*/keypoints_AP"]
