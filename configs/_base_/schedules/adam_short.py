# For a laptop: Adam with gradients clipped, half a cosine from 1e-3 to 1e-5, step by step, until train_cfg.max_epochs,
# the only thing that a leaf needs to override.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=20)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3), clip_grad=dict(max_norm=1.0))
param_scheduler = [dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=True, convert_to_iter_based=True)]
