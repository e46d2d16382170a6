# As vidnet_r18.py, its image part begun with the weights of stage 1: train posenet_r18.py first, on the same split.
_base_ = "./vidnet_r18.py"
stage1 = "work_dirs/posenet_r18"
