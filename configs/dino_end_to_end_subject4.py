# Dino's end-to-end model on the REAL kinematics of subject4, protocol block.
#   python tools/prepare_opencap.py LabValidation --out data/subject4_render.h5 --subjects subject4 \
#       --camera CamRender --image-size 128 --inverse-dynamics opensim
#   python tools/make_split.py data/subject4_render.h5 --protocol block --out data/subject4_render_block.json
_base_ = [
    "./_base_/datasets/vid_kinematics.py",
    "./_base_/models/dino_end_to_end.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
data_file = "data/subject4_render.h5"
split = "data/subject4_render_block.json"
train_cfg = dict(max_epochs=40)
