# A data file and a split manifest, markers in place of images; a leaf, or --cfg-options, gives these two names other
# values. Where a data set or a metric says None, it gets them.
data_file = "data/vid.h5"
split = "data/vid_block.json"

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=True),
    batch_sampler=dict(type="EvenBatchSampler"),
    dataset=dict(
        type="VIDDataset", data_file=None, split=None, subset="train", requires=["markers"], window=13, predictions=1
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="VIDDataset", data_file=None, split=None, subset="test", requires=["markers"], window=13, predictions=64
    ),
)
test_cfg = dict()
test_evaluator = dict(type="TorqueBenchmark", data_file=None, split=None)
