# A small VID-Network for a laptop, protocol block: REAL motion, torques and video (squats1 of subject4).
#   python tools/prepare_opencap.py LabValidation --out data/subject4_squats1_real.h5 --subjects subject4 \
#       --trials squats1 --camera CamUnknown --box 0,480,640,640 --image-size 128
#   python tools/make_split.py data/subject4_squats1_real.h5 --protocol block \
#       --out data/subject4_squats1_real_block.json
_base_ = [
    "./_base_/datasets/vid_laptop.py",
    "./_base_/models/vidnet_r18.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
data_file = "data/subject4_squats1_real.h5"
split = "data/subject4_squats1_real_block.json"
train_cfg = dict(max_epochs=40)
