# As vidnet_r18.py, but ConvNeXt-Tiny of torchvision as the backbone, up to its maps of stride 8.
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_parts.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
model = dict(
    backbone=dict(type="TorchvisionBackbone", name="convnext_tiny", strides=[8], weights=None),
    heatmap_head=dict(type="DeconvHead", in_channels=192, num_joints=21, depth_bins=16, num_layers=0, final_std=0.03),
    pose_decoder=dict(type="SoftArgmax3D"),
    marker_regressor=dict(type="MLPMarkerRegressor", num_joints=21, num_markers=51, hidden=128),
)
train_cfg = dict(max_epochs=8)
