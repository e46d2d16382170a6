# A data file's markers and their velocities in long clips: no image is read, so that a frame costs next to nothing.
# HorizontalFlip mirrors markers and torques: what one leg does, the other one may do too.
data_file = "data/vid.h5"
split = "data/vid_block.json"

train_dataloader = dict(
    batch_size=16,
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
        requires=["markers", "marker_velocities"],
        window=13,
        predictions=32,
        pipeline=[dict(type="HorizontalFlip", prob=0.5)],
    ),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=1,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="VIDDataset",
        data_file=None,
        split=None,
        subset="test",
        requires=["markers", "marker_velocities"],
        window=13,
        predictions=32,
    ),
)
test_cfg = dict()
test_evaluator = dict(type="TorqueBenchmark", data_file=None, split=None)
