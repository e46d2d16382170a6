# As vidnet_r101.py, its image part begun with the weights of stage 1: train posenet_r101.py first.
_base_ = "./vidnet_r101.py"
stage1 = "work_dirs/posenet_r101"
