# As vid.py, for two cores and a few people before one camera: 96 x 96 images, one worker.
data_file = "data/vid.h5"
split = "data/vid_block.json"

train_dataloader = dict(
    # Many short clips: neighbours in time look alike, so that a batch teaches by the number of its clips.
    batch_size=12,
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
        requires=["frames"],
        window=13,
        predictions=4,
        marker_frame="ground",
        image_size=96,
        # No HorizontalFlip: the camera stands at one bearing, and its mirror image at one that is never asked for.
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
    dataset=dict(
        type="VIDDataset",
        data_file=None,
        split=None,
        subset="test",
        requires=["frames"],
        window=13,
        predictions=32,
        marker_frame="ground",
        image_size=96,
    ),
)
test_cfg = dict()
test_evaluator = dict(type="TorqueBenchmark", data_file=None, split=None)
