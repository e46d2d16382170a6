# Stage 1 of vidnet_r18_synth_stage2.py: the image part on single pictures of SYNTHETIC people, training trials alone.
#   python tools/prepare_pose3d.py vid data/synth.h5 --split data/synth_trial.json --out data/synth_pose3d_train.h5
#   python tools/prepare_pose3d.py vid data/synth.h5 --split data/synth_trial.json --subset test \
#       --out data/synth_pose3d_test.h5
# A clip's frames look alike, so that a clip teaches little more than one of its pictures does; here a batch of 64 shows
# 64 different ones.
_base_ = [
    "./_base_/datasets/pose3d.py",
    "./_base_/models/posenet_r18.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
model = dict(image_size=64, heatmap_head=dict(depth_bins=16))
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    dataset=dict(
        pose_files=["data/synth_pose3d_train.h5"],
        image_size=64,
        # No HorizontalFlip: see _base_/datasets/vid_laptop.py.
        pipeline=[
            dict(type="CropJitter", scale=0.05, shift=0.03),
            dict(type="ColourJitter", brightness=0.2, contrast=0.2, saturation=0.2),
        ],
    ),
)
test_dataloader = dict(
    batch_size=64, num_workers=1, dataset=dict(pose_files=["data/synth_pose3d_test.h5"], image_size=64)
)
train_cfg = dict(max_epochs=6)
