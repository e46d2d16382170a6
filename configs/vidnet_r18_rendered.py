# VID-Network with ResNet-18 for a laptop, protocol block: REAL motion and torques of subject4, RENDERED images.
#   python tools/prepare_opencap.py LabValidation --out data/subject4_render.h5 --subjects subject4 \
#       --camera CamRender --image-size 128
#   python tools/make_split.py data/subject4_render.h5 --protocol block --out data/subject4_render_block.json
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_r18.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
vid_file = "data/subject4_render.h5"
split = "data/subject4_render_block.json"
model = dict(image_size=96, heatmap_head=dict(depth_bins=24))
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(
        image_size=96,
        predictions=16,
        marker_frame="camera",
        # One person before one camera: no mirror image of it is ever asked for.
        pipeline=[
            dict(type="CropJitter", scale=0.04, shift=0.02),
            dict(type="ColourJitter", brightness=0.2, contrast=0.2, saturation=0.2),
        ],
    ),
)
test_dataloader = dict(num_workers=1, dataset=dict(image_size=96, marker_frame="camera"))
train_cfg = dict(max_epochs=30)
