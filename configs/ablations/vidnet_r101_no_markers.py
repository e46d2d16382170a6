# Ablation of vidnet_r101.py: pose pre-training on, marker regressor off (Table 5).
_base_ = [
    "../_base_/datasets/vid.py",
    "../_base_/models/vidnet_r101.py",
    "../_base_/schedules/adam_500e.py",
    "../_base_/runtime/default.py",
]
stage1 = "work_dirs/pose3d_r101"
model = dict(marker_regressor=None, marker_codec=None, marker_loss=None)
train_dataloader = dict(dataset=dict(marker_frame=None))
test_dataloader = dict(dataset=dict(marker_frame=None))
