"""Dino, hybrid: causal windows of 13 frames of kinematics to the feet's wrenches, and by dynamics to 11 torques."""

model = dict(
    type="DinoHybrid",
    window=13,
    trunk="mlp",
    dropout=0.1,
    torque_codec=dict(type="TorqueCodec", num_torques=11),
    torque_loss=dict(type="WeightedL1Loss", weight=1.0),
    # None: the feet bear everything, and no pelvis residual is left; people sit down in this benchmark.
    residual_loss=dict(type="WeightedL1Loss", weight=0.2),
)
