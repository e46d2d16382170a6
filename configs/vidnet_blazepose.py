# VID-Network on BlazePose's frozen networks: what is trained is the part that sees markers and time. From images, or
# much faster from features that are computed once:
#   python tools/features.py data/mine.h5 --config configs/vidnet_blazepose.py --out data/mine_features.h5
#   python tools/train.py configs/vidnet_blazepose.py --data data/mine.h5 --split data/mine_block.json \
#       --features data/mine_features.h5
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_blazepose.py",
    "./_base_/schedules/adamw_short.py",
    "./_base_/runtime/default.py",
]
train_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(pipeline=[], features=None))
test_dataloader = dict(dataset=dict(features=None))
train_cfg = dict(max_epochs=30)
