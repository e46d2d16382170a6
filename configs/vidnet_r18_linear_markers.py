# As vidnet_r18.py, but markers as a linear function of the pose.
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_parts.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
model = dict(
    backbone=dict(type="ResNet", depth=18, out_indices=(1,)),
    heatmap_head=dict(type="DeconvHead", in_channels=128, num_joints=21, depth_bins=16, num_layers=0, final_std=0.03),
    pose_decoder=dict(type="SoftArgmax3D"),
    marker_regressor=dict(type="LinearMarkerRegressor", num_joints=21, num_markers=51),
)
train_cfg = dict(max_epochs=8)
