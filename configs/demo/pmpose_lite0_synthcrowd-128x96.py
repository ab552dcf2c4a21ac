"""PMPose on EfficientNet-Lite0: probability maps, presence, visibility and expected OKS.

Second stage: features and maps of the first (pmpose_lite0_synthcrowd-128x96_stage1.py) are
frozen, the branches of one number a joint are trained on them.
"""

_base_ = "pmpose_lite0_synthcrowd-128x96_stage1.py"

model = dict(
    freeze_backbone=True,
    head=dict(
        freeze_heatmaps=True,
        freeze_probability=False,
        freeze_visibility=False,
        freeze_oks=False,
    ),
)
max_iters = 100
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [_base_.warm_up, dict(_base_.cosine, end=max_iters)]
load_from = "work_dirs/pmpose_lite0_synthcrowd-128x96_stage1/iter_330.pth"
load_from_allow = []
checkpoint = "pmpose_lite0_demo.safetensors"
