"""Schedule of the ViT pose models: 210 epochs, AdamW, learning rates that decay with depth.

The learning rate is 5e-4 for each 64 crops of a process's batch, as published.
"""

_base_ = "../runtime.py"

__knobs__ = {
    "max_epochs": "length of the training; the learning rate falls after 17/21 and 20/21 of it"
}
max_epochs = 210
train_cfg = dict(type="ResumableEpochTrainLoop", max_epochs=max_epochs, val_interval=5)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, betas=(0.9, 0.999), weight_decay=0.1),
    constructor="LayerDecayOptimWrapperConstructor",
    paramwise_cfg=dict(num_layers=12, layer_decay_rate=0.75),
    clip_grad=dict(max_norm=1.0, norm_type=2),
)
param_scheduler = [
    dict(type="LinearLR", begin=0, end=500, start_factor=0.001, by_epoch=False),
    dict(
        type="MultiStepLR",
        begin=0,
        end=max_epochs,
        milestones=[max_epochs * 17 // 21, max_epochs * 20 // 21],
        gamma=0.1,
        by_epoch=True,
    ),
]
auto_scale_lr = dict(base_batch_size=512)
default_hooks = dict(
    checkpoint=dict(save_best="COCO/AP", rule="greater"),
    visualization=dict(type="PoseVisualizationHook", enable=False),
    badcase=dict(
        type="BadCaseAnalysisHook",
        enable=False,
        out_dir="badcase",
        metric_type="loss",
        badcase_thr=5,
    ),
)
