"""The paper's VID-Network: 256 x 256 images, ResNet-101, a 64 x 64 x 64 volume per joint, windows of 13 frames."""

model = dict(
    type="VIDNetwork",
    image_size=256,
    spf_mode="marginals",
    data_preprocessor=dict(type="ClipPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type="ResNet", depth=101, weights="IMAGENET1K_V2"),
    heatmap_head=dict(type="DeconvHead", in_channels=2048, num_joints=21, depth_bins=64, channels=256),
    pose_decoder=dict(type="SoftArgmax3D"),
    marker_regressor=dict(type="MLPMarkerRegressor", num_joints=21, num_markers=51, hidden=128),
    # Only what every head takes, so that a leaf swaps the type alone; a head's own defaults are the paper's reading.
    temporal_head=dict(type="TransformerTorqueHead", window=13),
    torque_codec=dict(type="TorqueCodec"),
    # OpenCap calibrates its cameras to a checkerboard whose place in the laboratory is not given. So the markers keep
    # the ground's axes, which a frontal camera that stands still can learn. With cameras calibrated to the ground,
    # "camera" is the better choice.
    marker_codec=dict(type="MarkerCodec", marker_frame="ground"),
    torque_loss=dict(type="WeightedMSELoss", weight=0.5),
    marker_loss=dict(type="WeightedMSELoss", weight=0.5),
)
