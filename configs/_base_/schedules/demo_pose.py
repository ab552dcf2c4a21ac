"""Schedule of the demo pose models: AdamW, warm-up, cosine, moving average of the weights.

Checkpoints every ``interval`` iterations, validation at the end; ``--resume`` continues.
"""

_base_ = "../runtime.py"

__knobs__ = {"max_iters": "training steps; the learning rate falls to its end with the last"}
max_iters = 1100
train_cfg = dict(type="ResumableIterTrainLoop", max_iters=max_iters, val_interval=max_iters)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1.5e-3, weight_decay=0.05),
    constructor="TwoGroupOptimWrapperConstructor",
    clip_grad=dict(max_norm=5.0),
)
warm_up_iters = max(1, min(200, max_iters // 5))
warm_up = dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=warm_up_iters)
cosine = dict(
    type="CosineAnnealingLR", eta_min=1e-6, by_epoch=False, begin=warm_up_iters, end=max_iters
)
param_scheduler = [warm_up, cosine]
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=20, log_metric_by_epoch=False),
    checkpoint=dict(
        type="CheckpointHook", by_epoch=False, interval=200, max_keep_ckpts=2, save_last=True
    ),
    visualization=dict(type="PoseVisualizationHook", enable=False),
    badcase=dict(
        type="BadCaseAnalysisHook",
        enable=False,
        out_dir="badcase",
        metric_type="loss",
        badcase_thr=5,
    ),
)
# an average over about the last 250 iterations; it is what is validated and saved
moving_average = dict(
    type="EMAHook",
    ema_type="ExponentialMovingAverage",
    momentum=0.004,
    update_buffers=True,
    priority="NORMAL",
)
custom_hooks = [dict(type="SyncBuffersHook"), moving_average]
log_processor = dict(type="LogProcessor", window_size=20, by_epoch=False, num_digits=6)
