# As vidnet_r18_synth.py, but torques from each frame alone: what knowing no time costs.
_base_ = [
    "./_base_/datasets/vid_laptop.py",
    "./_base_/models/vidnet_r18.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
data_file = "data/synth.h5"
split = "data/synth_trial.json"
model = dict(
    image_size=64,
    heatmap_head=dict(depth_bins=16),
    temporal_head=dict(type="FrameTorqueHead", window=1),
)
train_dataloader = dict(batch_size=16, dataset=dict(image_size=64, marker_frame="camera", window=1))
test_dataloader = dict(dataset=dict(image_size=64, marker_frame="camera", window=1))
train_cfg = dict(max_epochs=8)
