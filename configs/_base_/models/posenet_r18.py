"""The image part of vidnet_r18.py, for stage 1: 64 x 64 images, half a ResNet-18, a 16 x 8 x 8 volume per joint."""

model = dict(
    type="PoseNetwork",
    image_size=64,
    data_preprocessor=dict(type="ClipPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type="ResNet", depth=18, weights=None, out_indices=(1,)),
    heatmap_head=dict(type="DeconvHead", in_channels=128, num_joints=21, depth_bins=16, num_layers=0, final_std=0.03),
    pose_decoder=dict(type="SoftArgmax3D"),
    pose_loss=dict(type="WeightedMSELoss", weight=1.0),
)
