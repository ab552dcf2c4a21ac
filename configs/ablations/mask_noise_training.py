"""Does damage of masks in training help? A short training of three seeds, then a test.

python tools/datasets/short_training.py
python tools/ablate.py configs/ablations/mask_noise_training.py

The first command writes crowds and start weights: the shipped MaskPose, its last layer made new.
The test sees true masks, so it cannot show what damage is for; the loop's masks would.
"""

base = "configs/demo/maskpose_lite0_short-training.py"
chain = ["train", "test"]
options = {"load_from": "work_dirs/short_training/start.safetensors"}
changes = {
    "no-noise": {"mask_noise.erode_prob": 0.0, "mask_noise.dilate_prob": 0.0},
    "always-eroded": {"mask_noise.erode_prob": 1.0, "mask_noise.dilate_prob": 0.0},
}
seeds = [0, 1, 2]
show = ["coco/AP", "train/loss"]
