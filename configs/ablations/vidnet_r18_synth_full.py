# Ablation of vidnet_r18_synth.py: pose pre-training on, marker regressor on (Table 5), T = 13 (Table 9).
_base_ = [
    "../_base_/datasets/vid_laptop.py",
    "../_base_/models/vidnet_r18.py",
    "../_base_/schedules/adam_short.py",
    "../_base_/runtime/default.py",
]
data_file = "data/synth.h5"
split = "data/synth_trial.json"
stage1 = "work_dirs/pose3d_r18_synth"
model = dict(image_size=64, heatmap_head=dict(depth_bins=16))
train_dataloader = dict(batch_size=16, dataset=dict(image_size=64, marker_frame="camera"))
test_dataloader = dict(dataset=dict(image_size=64, marker_frame="camera"))
train_cfg = dict(max_epochs=8)
