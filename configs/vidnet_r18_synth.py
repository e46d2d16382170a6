# VID-Network with ResNet-18 for a laptop, SYNTHETIC people (64 x 64), whole trials held out: the quickstart's recipe.
#   python tools/make_synthetic.py --out data/synth.h5
#   python tools/make_split.py data/synth.h5 --protocol trial --out data/synth_trial.json
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_r18.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
vid_file = "data/synth.h5"
split = "data/synth_trial.json"
model = dict(image_size=64, heatmap_head=dict(depth_bins=16, final_std=0.1))
train_dataloader = dict(
    # Many short clips: batch norm, and the first steps out of flat heatmaps, need many scenes in a batch.
    batch_size=8,
    num_workers=1,
    dataset=dict(
        image_size=64,
        predictions=8,
        marker_frame="camera",
        # No HorizontalFlip: the camera stands at one bearing, and its mirror image at one that is never asked for.
        pipeline=[
            dict(type="CropJitter", scale=0.1, shift=0.05),
            dict(type="ColourJitter", brightness=0.2, contrast=0.2, saturation=0.2),
        ],
    ),
)
test_dataloader = dict(num_workers=1, dataset=dict(image_size=64, marker_frame="camera"))
train_cfg = dict(max_epochs=7)
