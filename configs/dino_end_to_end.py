# The model of Dinovitzer et al. 2023, end to end: kinematics to torques.
#   python tools/prepare_opencap.py LabValidation --out data/vid.h5 --camera none --inverse-dynamics opensim
#   python tools/make_split.py data/vid.h5 --protocol block --out data/vid_block.json
# HorizontalFlip mirrors kinematics and torques: what one leg does, the other one may do too.
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/dino_end_to_end.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=[dict(type="HorizontalFlip", prob=0.5)]))
test_dataloader = dict(batch_size=8, dataset=dict(predictions=64))
train_cfg = dict(max_epochs=40)
