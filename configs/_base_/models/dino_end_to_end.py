"""Dino, end to end: causal windows of 13 frames of kinematics to 11 torques of the last one."""

model = dict(
    type="DinoEndToEnd",
    window=13,
    trunk="mlp",
    dropout=0.1,
    torque_codec=dict(type="TorqueCodec", num_torques=11),
    torque_loss=dict(type="WeightedL1Loss", weight=1.0),
)
