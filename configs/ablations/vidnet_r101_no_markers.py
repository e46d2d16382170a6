# Ablation of vidnet_r101.py: with stage 1, without the marker regressor (Table 5).
_base_ = "../vidnet_r101.py"
stage1 = "work_dirs/posenet_r101"
model = dict(marker_regressor=None, marker_codec=None, marker_loss=None)
