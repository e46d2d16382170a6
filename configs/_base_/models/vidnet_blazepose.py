"""VID-Network on BlazePose, whose weights are part of the package: 256 x 256 images in [0, 1], frozen image part."""

model = dict(
    type="VIDNetwork",
    image_size=256,
    spf_mode="coords",
    data_preprocessor=dict(type="ClipPreprocessor", mean=[0, 0, 0], std=[255, 255, 255]),
    backbone=dict(type="BlazePoseBackbone", variant="full", frozen=True),
    heatmap_head=dict(type="BlazePoseHead", variant="full", frozen=True),
    pose_decoder=dict(type="PerAxisSoftArgmax"),
    marker_regressor=dict(type="MLPMarkerRegressor", num_joints=21, num_markers=51, hidden=128),
    temporal_head=dict(type="TCNTorqueHead", window=13),
    torque_codec=dict(type="TorqueCodec"),
    marker_codec=dict(type="MarkerCodec", marker_frame="camera"),
    torque_loss=dict(type="WeightedMSELoss", weight=0.5),
    marker_loss=dict(type="WeightedMSELoss", weight=0.5),
)
