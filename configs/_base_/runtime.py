"""What every run shares: hooks, logging to the console and TensorBoard, environment."""

default_scope = "mmpose"

default_hooks = dict(
    record=dict(type="RunRecordHook"),
    scalars=dict(type="TrainingScalarsHook"),
    samples=dict(type="mmpose.PoseSamplesHook"),
    timer=dict(type="IterTimerHook"),
    # by step, as losses are: a curve of AP lies under that of the loss
    logger=dict(type="LoggerHook", interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type="ParamSchedulerHook"),
    # two: a whole one may still be of weights that went wrong
    checkpoint=dict(
        type="mmpose.CheckpointHook", interval=10, max_keep_ckpts=2, interval_minutes=30
    ),
    finite=dict(type="mmpose.FiniteStepHook", action="stop"),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    # so that dropout and other draws of a step are the same after a resume
    seeded_steps=dict(type="SeededStepsHook"),
)
custom_hooks = [dict(type="SyncBuffersHook")]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)
vis_backends = [dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")]
visualizer = dict(type="Visualizer", vis_backends=vis_backends)
log_processor = dict(
    type="LogProcessor", window_size=50, by_epoch=True, num_digits=6, log_with_hierarchy=True
)
log_level = "INFO"
load_from = None
resume = False
