# MarkerTorqueNet: a perceptron on half a second of a person's landmarks, as a pose network sees them in a video.
#   python tools/prepare_opencap.py LabValidation --out data/both.h5 --subjects subject4 --box 160,330,400,800
#   vidzoo landmarks data/both.h5
#   vidzoo split data/both.h5 --protocol transfer --train-cameras CamRender --test-cameras CamUnknown \
#       --held-out squats1 --out data/both_transfer.json
# HorizontalFlip mirrors landmarks and torques: what one leg does, the other one may do too.
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/landmark_torque_net.py",
    "./_base_/schedules/adamw_short.py",
    "./_base_/runtime/default.py",
]
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(predictions=4, repeat_ends=True, pipeline=[dict(type="HorizontalFlip", prob=0.5)]),
)
test_dataloader = dict(batch_size=16, num_workers=0)
train_cfg = dict(max_epochs=40)
default_hooks = dict(checkpoint=dict(interval=20))
