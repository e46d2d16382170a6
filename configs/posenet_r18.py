# Stage 1 of vidnet_r18_stage2.py: the image part on single pictures, here of the training subset of a data file.
#   python tools/prepare_pose3d.py vid data/synth.h5 --split data/synth_trial.json --out data/pose_train.h5
#   python tools/prepare_pose3d.py vid data/synth.h5 --split data/synth_trial.json --subset test --out data/pose_test.h5
# A clip's frames look alike, so that a clip teaches little more than one of its pictures does; here a batch of 64 shows
# 64 different ones.
_base_ = [
    "./_base_/datasets/pose.py",
    "./_base_/models/posenet_r18.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    dataset=dict(
        # No HorizontalFlip: see _base_/datasets/vid.py.
        pipeline=[
            dict(type="CropJitter", scale=0.05, shift=0.03),
            dict(type="ColourJitter", brightness=0.2, contrast=0.2, saturation=0.2),
        ],
    ),
)
test_dataloader = dict(batch_size=64, num_workers=1)
train_cfg = dict(max_epochs=6)
