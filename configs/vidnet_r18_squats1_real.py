# VID-Network with ResNet-18 for a laptop, protocol block: REAL motion, torques and video (squats1 of subject4).
#   python tools/prepare_opencap.py LabValidation --out data/subject4_squats1_real.h5 --subjects subject4 \
#       --trials squats1 --camera CamUnknown --box 0,480,640,640 --image-size 128
#   python tools/make_split.py data/subject4_squats1_real.h5 --protocol block \
#       --out data/subject4_squats1_real_block.json
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_r18.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
vid_file = "data/subject4_squats1_real.h5"
split = "data/subject4_squats1_real_block.json"
model = dict(image_size=96, heatmap_head=dict(depth_bins=24, final_std=0.1))
train_dataloader = dict(
    batch_size=2,
    num_workers=1,
    dataset=dict(
        image_size=96,
        predictions=16,
        # One person before one camera: no mirror image of it is ever asked for.
        pipeline=[
            dict(type="CropJitter", scale=0.04, shift=0.02),
            dict(type="ColourJitter", brightness=0.2, contrast=0.2, saturation=0.2),
        ],
    ),
)
test_dataloader = dict(num_workers=1, dataset=dict(image_size=96))
train_cfg = dict(max_epochs=30)
