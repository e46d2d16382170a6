"""VID-Network's temporal heads on 16 world landmarks at 13 times, 40 ms apart on a 100 Hz grid: half a second."""

model = dict(
    type="MarkerTorqueNet",
    kinematics="landmarks",
    velocities=False,
    stride=4,
    noise=0.1,
    bias=0.5,
    tilt=0.1,
    average_mirrored=True,
    # Only what every head takes, so that a leaf swaps the type.
    temporal_head=dict(type="PerceptronTorqueHead", window=13),
    torque_codec=dict(type="TorqueCodec"),
    torque_loss=dict(type="WeightedMSELoss", weight=1.0),
)
