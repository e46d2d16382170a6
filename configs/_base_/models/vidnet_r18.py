"""A small VID-Network for a laptop: 64 x 64 images, half a ResNet-18 from random weights, a 16 x 8 x 8 volume.

A whole ResNet-18 leaves 2 x 2 cells of such an image, and deconvolutions behind it are slow to find a place in them;
the maps of its second stage have 8 x 8, from which a single 1 x 1 convolution reads the volume.
"""

model = dict(
    type="VIDNetwork",
    image_size=64,
    spf_mode="marginals",
    data_preprocessor=dict(type="ClipPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type="ResNet", depth=18, weights=None, out_indices=(1,)),
    heatmap_head=dict(type="DeconvHead", in_channels=128, num_joints=21, depth_bins=16, num_layers=0, final_std=0.03),
    pose_decoder=dict(type="SoftArgmax3D"),
    marker_regressor=dict(type="MLPMarkerRegressor", num_joints=21, num_markers=51, hidden=128),
    # Only what every head takes, so that a leaf swaps the type alone; a head's own defaults are the paper's reading.
    temporal_head=dict(type="TransformerTorqueHead", window=13),
    torque_codec=dict(type="TorqueCodec"),
    marker_codec=dict(type="MarkerCodec", marker_frame="camera"),
    torque_loss=dict(type="WeightedMSELoss", weight=0.5),
    marker_loss=dict(type="WeightedMSELoss", weight=0.5),
)
