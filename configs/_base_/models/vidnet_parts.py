"""vidnet_r18.py without the parts that see a single image: a leaf names backbone, head, decoder and regressor."""

model = dict(
    type="VIDNetwork",
    image_size=64,
    spf_mode="marginals",
    data_preprocessor=dict(type="ClipPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    temporal_head=dict(type="TransformerTorqueHead", window=13),
    torque_codec=dict(type="TorqueCodec"),
    marker_codec=dict(type="MarkerCodec", marker_frame="camera"),
    torque_loss=dict(type="WeightedMSELoss", weight=0.5),
    marker_loss=dict(type="WeightedMSELoss", weight=0.5),
)
