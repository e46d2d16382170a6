# A small VID-Network for a laptop, SYNTHETIC people (64 x 64), whole trials held out, from random weights; for its
# two stages see vidnet_r18_synth_stage2.py.
#   python tools/make_synthetic.py --out data/synth.h5
#   python tools/make_split.py data/synth.h5 --protocol trial --out data/synth_trial.json
_base_ = [
    "./_base_/datasets/vid_laptop.py",
    "./_base_/models/vidnet_r18.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
data_file = "data/synth.h5"
split = "data/synth_trial.json"
model = dict(image_size=64, heatmap_head=dict(depth_bins=16))
train_dataloader = dict(batch_size=16, dataset=dict(image_size=64, marker_frame="camera"))
test_dataloader = dict(dataset=dict(image_size=64, marker_frame="camera"))
train_cfg = dict(max_epochs=8)
