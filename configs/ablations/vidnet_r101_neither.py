# Ablation of vidnet_r101.py: without stage 1 and without the marker regressor (Table 5).
_base_ = "../vidnet_r101.py"
model = dict(marker_regressor=None, marker_codec=None, marker_loss=None)
