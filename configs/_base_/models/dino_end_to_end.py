"""End to end, after Dinovitzer et al. 2023: causal windows of 13 frames of kinematics to 11 torques of the last one."""

model = dict(
    type="DinoEndToEnd",
    window=13,
    causal=True,
    trunk="mlp",
    dropout=0.1,
    torque_codec=dict(type="TorqueCodec"),
    torque_loss=dict(type="WeightedL1Loss", weight=1.0),
)
