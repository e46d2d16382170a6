"""ImDy: windows of 6 frames, t - 2 to t + 3; 11 torques, forces and contacts of both feet."""

model = dict(
    type="ImDy",
    window=6,
    target_index=2,
    min_markers=22,
    ground_forces=True,
    torque_codec=dict(type="TorqueCodec"),
    torque_loss=dict(type="WeightedMSELoss", weight=1.0),
    marker_loss=dict(type="WeightedL1Loss", weight=1.0),
    grf_loss=dict(type="WeightedMSELoss", weight=1.0),
    contact_loss=dict(type="WeightedBCELoss", weight=1.0),
    grf_change_loss=dict(type="WeightedL1Loss", weight=0.01),
)
