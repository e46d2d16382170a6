# MarkerTorqueNet: VID-Network's Transformer over time on markers and their velocities.
#   python tools/prepare_opencap.py LabValidation --out data/vid.h5 --camera none
#   python tools/make_split.py data/vid.h5 --protocol block --out data/vid_block.json
# HorizontalFlip mirrors markers and torques: what one leg does, the other one may do too.
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/marker_torque_net.py",
    "./_base_/schedules/adamw_short.py",
    "./_base_/runtime/default.py",
]
train_dataloader = dict(dataset=dict(predictions=32, pipeline=[dict(type="HorizontalFlip", prob=0.5)]))
test_dataloader = dict(batch_size=16)
default_hooks = dict(checkpoint=dict(interval=20))
