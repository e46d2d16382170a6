# A data file and a split manifest; a leaf, or --cfg-options, gives these two names other values. Where a data set or a
# metric says None, it gets them.
data_file = "data/vid.h5"
split = "data/vid_block.json"

# marker_frame: OpenCap's cameras are calibrated to a checkerboard whose place in the laboratory is not given, so marker
# targets keep the ground's axes, which a frontal camera that stands still can learn; its mirror image stays one of a
# frontal camera. With cameras calibrated to the ground, "camera" is the better choice.
train_dataloader = dict(
    batch_size=32,
    num_workers=4,
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
        predictions=1,
        marker_frame="ground",
        image_size=256,
        pipeline=[
            dict(type="CropJitter", scale=0.1, shift=0.05),
            dict(type="ColourJitter", brightness=0.2, contrast=0.2, saturation=0.2),
            dict(type="RandomOcclusion", prob=0.3, max_share=0.2),
            dict(type="HorizontalFlip", prob=0.5),
        ],
    ),
)
test_dataloader = dict(
    batch_size=4,
    num_workers=4,
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
        image_size=256,
    ),
)
test_cfg = dict()
test_evaluator = dict(type="TorqueBenchmark", data_file=None, split=None)
