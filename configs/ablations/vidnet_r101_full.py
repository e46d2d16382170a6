# Ablation of vidnet_r101.py: pose pre-training on, marker regressor on (Table 5), T = 13 (Table 9).
_base_ = [
    "../_base_/datasets/vid.py",
    "../_base_/models/vidnet_r101.py",
    "../_base_/schedules/adam_500e.py",
    "../_base_/runtime/default.py",
]
stage1 = "work_dirs/pose3d_r101"
