# A small VID-Network for a laptop, protocol block: REAL motion and torques of subject4, RENDERED images.
#   python tools/prepare_opencap.py LabValidation --out data/subject4_render.h5 --subjects subject4 \
#       --camera CamRender --image-size 128 --inverse-dynamics opensim
#   python tools/make_split.py data/subject4_render.h5 --protocol block --out data/subject4_render_block.json
_base_ = [
    "./_base_/datasets/vid_laptop.py",
    "./_base_/models/vidnet_r18.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
data_file = "data/subject4_render.h5"
split = "data/subject4_render_block.json"
train_dataloader = dict(dataset=dict(marker_frame="camera"))
test_dataloader = dict(dataset=dict(marker_frame="camera"))
train_cfg = dict(max_epochs=12)
