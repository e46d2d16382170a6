# A small VID-Network for a laptop: 64 x 64 images, half a ResNet-18 from random weights.
#   python tools/make_synthetic.py --out data/synth.h5
#   python tools/make_split.py data/synth.h5 --protocol trial --out data/synth_trial.json
#   python tools/train.py configs/vidnet_r18.py --data data/synth.h5 --split data/synth_trial.json
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_r18.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
train_cfg = dict(max_epochs=8)
