# For small networks on motion capture: AdamW with gradients clipped, half a cosine from 1e-3 to 1e-5, step by step,
# until train_cfg.max_epochs, the only thing that a leaf needs to override.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=60)
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-3, weight_decay=1e-2), clip_grad=dict(max_norm=1.0)
)
param_scheduler = [dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=True, convert_to_iter_based=True)]
