# Ablation of vidnet_r101.py: T = 17 (Table 9).
_base_ = [
    "../_base_/datasets/vid.py",
    "../_base_/models/vidnet_r101.py",
    "../_base_/schedules/adam_500e.py",
    "../_base_/runtime/default.py",
]
stage1 = "work_dirs/pose3d_r101"
model = dict(temporal_head=dict(window=17))
train_dataloader = dict(dataset=dict(window=17))
test_dataloader = dict(dataset=dict(window=17))
