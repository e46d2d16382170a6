# Ablation of vidnet_r101.py: with stage 1, windows of 17 frames (Table 9).
_base_ = "../vidnet_r101.py"
stage1 = "work_dirs/posenet_r101"
model = dict(temporal_head=dict(window=17))
