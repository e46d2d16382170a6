# A data file and its split. Name yours with --data and --split, or at a leaf's top: data sets and metrics that say None
# get these two. What else a data set must know (inputs, window, torques, image size) it gets from the model.
data_file = "data/vid.h5"
split = "data/vid_block.json"

train_dataloader = dict(
    # Many short clips: neighbours in time look alike, so that a batch teaches by the number of its clips.
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
        predictions=4,
        # For images. No HorizontalFlip: synthetic cameras stand at one bearing, and their mirror images at one that no
        # test shows.
        pipeline=[
            dict(type="CropJitter", scale=0.05, shift=0.03),
            dict(type="ColourJitter", brightness=0.2, contrast=0.2, saturation=0.2),
        ],
    ),
)
test_dataloader = dict(
    batch_size=4,
    num_workers=1,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="VIDDataset", data_file=None, split=None, subset="test", predictions=32),
)
test_cfg = dict()
test_evaluator = dict(type="TorqueBenchmark", data_file=None, split=None)
