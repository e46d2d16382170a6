"""The image part of vidnet_r101.py, for stage 1: 256 x 256 images, ResNet-101, a 64 x 64 x 64 volume per joint."""

model = dict(
    type="PoseNetwork",
    image_size=256,
    data_preprocessor=dict(type="ClipPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type="ResNet", depth=101, weights="IMAGENET1K_V2"),
    heatmap_head=dict(type="DeconvHead", in_channels=2048, num_joints=21, depth_bins=64, channels=256),
    pose_decoder=dict(type="SoftArgmax3D"),
    pose_loss=dict(type="WeightedMSELoss", weight=1.0),
)
