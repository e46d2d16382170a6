# As vidnet_r18_synth.py, but markers read from the marginals of the pose, not from its coordinates alone.
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
    marker_regressor=dict(type="MarginalMarkerRegressor", bins=[16, 8, 8]),
)
train_dataloader = dict(batch_size=16, dataset=dict(image_size=64, marker_frame="camera"))
test_dataloader = dict(dataset=dict(image_size=64, marker_frame="camera"))
train_cfg = dict(max_epochs=8)
