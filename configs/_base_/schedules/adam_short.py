# For a laptop: Adam with gradients clipped, warmed up over the first epoch, then half a cosine to 1e-5 until
# train_cfg.max_epochs, the only thing that a leaf needs to override.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=20)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3), clip_grad=dict(max_norm=1.0))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, begin=0, end=1, by_epoch=True, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", eta_min=1e-5, begin=1, by_epoch=True, convert_to_iter_based=True),
]
