# Pose files, made by tools/prepare_pose3d.py: single images with joints, for stage 1. A leaf may name others.
train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=True),
    batch_sampler=dict(type="EvenBatchSampler"),
    dataset=dict(
        type="Pose3DDataset",
        pose_files=["data/pose_train.h5"],
        subset="train",
        pipeline=[
            dict(type="CropJitter", scale=0.25, shift=0.05),
            dict(type="ColourJitter", brightness=0.2, contrast=0.2, saturation=0.2),
            dict(type="RandomOcclusion", prob=0.5, max_share=0.2),
            dict(type="HorizontalFlip", prob=0.5),
        ],
    ),
)
test_dataloader = dict(
    batch_size=32,
    num_workers=4,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="Pose3DDataset", pose_files=["data/pose_test.h5"], subset="test"),
)
test_cfg = dict()
test_evaluator = dict(type="PoseBenchmark")
