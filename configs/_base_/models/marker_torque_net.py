"""VID-Network's temporal heads on markers and their velocities, windows of 13 frames.

A linear layer first brings a frame's 306 numbers down to 32: the heads then learn less of single trials by heart.
"""

model = dict(
    type="MarkerTorqueNet",
    kinematics="markers",
    velocities=True,
    token_features=32,
    # Only what every head takes, so that a leaf swaps the type.
    temporal_head=dict(type="TransformerTorqueHead", window=13),
    torque_codec=dict(type="TorqueCodec"),
    torque_loss=dict(type="WeightedMSELoss", weight=1.0),
)
