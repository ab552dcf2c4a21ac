"""How many joints the segmenter is shown, and which.

python tools/ablate.py configs/ablations/prompting.py
"""

base = "configs/demo/bmp_demo.py"
changes = {
    "pos-1": {"loop.prompting.num_pos_keypoints": 1},
    "pos-3": {"loop.prompting.num_pos_keypoints": 3},
    "pos-5": {"loop.prompting.num_pos_keypoints": 5},
    "pos-12": {"loop.prompting.num_pos_keypoints": 12},
    "pos-17": {"loop.prompting.num_pos_keypoints": 17},
    "neg-2": {"loop.prompting.num_neg_keypoints": 2},
    "distance": {"loop.prompting.selection_method": "distance+confidence"},
    "with-box": {"loop.prompting.use_bbox": True},
}
show = ["loop/turn*/segm_AP", "loop/turn*/keypoints_AP"]
