# VID-Network as published: ResNet-101, 256 x 256, T = 13, Adam 1e-3 to 1e-4, batch 32, 500 epochs, weights 0.5 and 0.5.
#   python tools/prepare_opencap.py LabValidation_withVideos --out data/vid.h5 --camera Cam2
#   python tools/make_split.py data/vid.h5 --protocol block --out data/vid_block.json
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_r101.py",
    "./_base_/schedules/adam_500e.py",
    "./_base_/runtime/default.py",
]
