"""A small VID-Network for a laptop: 96 x 96 images, half a ResNet-18 from random weights, a 24 x 12 x 12 volume.

A whole ResNet-18 leaves 3 x 3 cells of such an image, and deconvolutions behind it are slow to find a place in them;
the maps of its second stage have 12 x 12, from which a single 1 x 1 convolution reads the volume.
"""

model = dict(
    type="VIDNetwork",
    image_size=96,
    spf_mode="marginals",
    data_preprocessor=dict(type="ClipPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type="ResNet", depth=18, weights=None, out_indices=(1,)),
    heatmap_head=dict(type="DeconvHead", in_channels=128, num_joints=21, depth_bins=24, num_layers=0, final_std=0.03),
    pose_decoder=dict(type="SoftArgmax3D"),
    marker_regressor=dict(type="MLPMarkerRegressor", num_joints=21, num_markers=51, hidden=128),
    # Only what every head takes, so that a leaf swaps the type alone; a head's own defaults are the paper's reading.
    temporal_head=dict(type="TransformerTorqueHead", num_torques=11, window=13),
    torque_codec=dict(type="TorqueCodec", num_torques=11),
    marker_codec=dict(type="MarkerCodec", num_markers=51),
    torque_loss=dict(type="WeightedMSELoss", weight=0.5),
    marker_loss=dict(type="WeightedMSELoss", weight=0.5),
)
