"""A small VID-Network for a laptop: 128 x 128 images, ResNet-18 from random weights, a 32 x 32 x 32 volume."""

model = dict(
    type="VIDNetwork",
    image_size=128,
    spf_mode="marginals",
    data_preprocessor=dict(type="ClipPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type="ResNet", depth=18, weights=None),
    heatmap_head=dict(type="DeconvHead", in_channels=512, num_joints=21, depth_bins=32, channels=128),
    pose_decoder=dict(type="SoftArgmax3D"),
    marker_regressor=dict(type="MLPMarkerRegressor", num_joints=21, num_markers=51, hidden=128),
    # Only what every head takes, so that a leaf swaps the type alone; a head's own defaults are the paper's reading.
    temporal_head=dict(type="TransformerTorqueHead", num_torques=11, window=13),
    torque_codec=dict(type="TorqueCodec", num_torques=11),
    marker_codec=dict(type="MarkerCodec", num_markers=51),
    torque_loss=dict(type="WeightedMSELoss", weight=0.5),
    marker_loss=dict(type="WeightedMSELoss", weight=0.5),
)
