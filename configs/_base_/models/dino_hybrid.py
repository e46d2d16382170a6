"""Hybrid, after Dinovitzer et al. 2023: causal windows of 13 frames to the feet's wrenches, by dynamics to torques."""

model = dict(
    type="DinoHybrid",
    window=13,
    causal=True,
    trunk="mlp",
    dropout=0.1,
    torque_codec=dict(type="TorqueCodec"),
    torque_loss=dict(type="WeightedL1Loss", weight=1.0),
    # None: the feet bear everything, and no pelvis residual is left; people sit down in this benchmark.
    residual_loss=dict(type="WeightedL1Loss", weight=0.2),
)
