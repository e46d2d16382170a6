# ImDy's schedule: AdamW at 1e-3, halved every 200 epochs (its 150 end before), gradients clipped to a norm of 5.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=150)
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-3, weight_decay=1e-7), clip_grad=dict(max_norm=5.0)
)
param_scheduler = [dict(type="StepLR", step_size=200, gamma=0.5, by_epoch=True)]
