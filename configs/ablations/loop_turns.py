"""How many turns the loop takes.

python tools/ablate.py configs/ablations/loop_turns.py
"""

base = "configs/demo/bmp_demo.py"
changes = {
    "turns-1": {"loop.num_iters": 1},
    "turns-3": {"loop.num_iters": 3},
}
show = ["loop/turn*/bbox_AP", "loop/turn*/segm_AP", "loop/turn*/keypoints_AP"]
