"""Physics' sharing of the load between the feet, corrected by a network on causal windows of 13 frames."""

model = dict(
    type="PhysicsGuidedHybrid",
    window=13,
    causal=True,
    trunk="mlp",
    dropout=0.1,
    torque_codec=dict(type="TorqueCodec"),
    torque_loss=dict(type="WeightedL1Loss", weight=1.0),
    residual_loss=dict(type="WeightedL1Loss", weight=0.2),
)
