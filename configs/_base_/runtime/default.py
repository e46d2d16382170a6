# What every recipe shares. A training on a split with a val subset (make_split --val-share 0.1) validates on it after
# every epoch and keeps the best checkpoint, which is then the one to test; else the last one is. Nothing is chosen by
# the test subset.
default_scope = "vidzoo"
default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=20),
    param_scheduler=dict(type="ParamSchedulerHook"),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    checkpoint=dict(type="AtomicCheckpointHook", interval=1, max_keep_ckpts=2),
)
custom_hooks = [
    dict(type="EpochSeedHook"),
    dict(type="FitStatisticsHook"),
    dict(type="SyncBuffersHook"),
    dict(type="ProvenanceHook"),
    # An exponential moving average of the weights: dict(type="EMAHook", momentum=2e-3)
]
# A seed of None draws one; such a run resumes with another order of clips than it would have had.
randomness = dict(seed=0, deterministic=False)
env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0))
log_processor = dict(type="LogProcessor", window_size=20, by_epoch=True)
# TensorBoard (pip install "vidzoo[tensorboard]"):
# visualizer = dict(vis_backends=[dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")])
visualizer = dict(type="Visualizer", vis_backends=[dict(type="LocalVisBackend")])
