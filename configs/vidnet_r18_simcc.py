# As vidnet_r18.py, but logits along each axis and no volume (SimCC) between backbone and pose.
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_parts.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
model = dict(
    backbone=dict(type="ResNet", depth=18, out_indices=(1,)),
    heatmap_head=dict(type="SimCCHead", in_channels=128, map_size=8, num_joints=21, bins=[16, 16, 16]),
    pose_decoder=dict(type="PerAxisSoftArgmax"),
    marker_regressor=dict(type="MLPMarkerRegressor", num_joints=21, num_markers=51, hidden=128),
)
train_cfg = dict(max_epochs=8)
