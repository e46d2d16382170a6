# A data file with inertial torques and foot Jacobians, and a split manifest; a leaf, or --cfg-options, gives these two
# names other values. Where a data set or a metric says None, it gets them. Windows are causal: the last frame of 13 is
# predicted. HorizontalFlip mirrors kinematics and torques: what one leg does, the other one may do too.
data_file = "data/vid.h5"
split = "data/vid_block.json"

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=True),
    batch_sampler=dict(type="EvenBatchSampler"),
    dataset=dict(
        type="VIDDataset",
        data_file=None,
        split=None,
        subset="train",
        requires=["coordinates", "coordinate_velocities", "mass", "height"],
        window=13,
        target_index=12,
        predictions=4,
        pipeline=[dict(type="HorizontalFlip", prob=0.5)],
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="VIDDataset",
        data_file=None,
        split=None,
        subset="test",
        requires=["coordinates", "coordinate_velocities", "mass", "height"],
        window=13,
        target_index=12,
        predictions=64,
    ),
)
test_cfg = dict()
test_evaluator = dict(type="TorqueBenchmark", data_file=None, split=None)
