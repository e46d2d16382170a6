# The paper's schedule: Adam, 1e-3 decayed to 1e-4 over 500 epochs. How it decays is not said; here as half a cosine,
# step by step. The decay's end is not written: MMEngine takes train_cfg.max_epochs, so that a leaf overrides only that.
# A leaf with a validation subset of its own adds val_dataloader, val_cfg, val_evaluator and train_cfg.val_interval.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=500)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3))
param_scheduler = [dict(type="CosineAnnealingLR", eta_min=1e-4, by_epoch=True, convert_to_iter_based=True)]
