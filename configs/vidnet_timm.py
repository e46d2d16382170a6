# As vidnet_r18.py, but a network of timm (pip install 'vidzoo[timm]') as the backbone: ConvNeXt-Atto to stride 8.
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_parts.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
model = dict(
    backbone=dict(type="TimmBackbone", name="convnext_atto", out_indices=[1], weights=None),
    heatmap_head=dict(type="DeconvHead", in_channels=80, num_joints=21, depth_bins=16, num_layers=0, final_std=0.03),
    pose_decoder=dict(type="SoftArgmax3D"),
    marker_regressor=dict(type="MLPMarkerRegressor", num_joints=21, num_markers=51, hidden=128),
)
train_cfg = dict(max_epochs=8)
