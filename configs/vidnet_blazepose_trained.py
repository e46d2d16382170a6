# As vidnet_blazepose.py, but BlazePose's networks are trained further, on images that are changed at random.
_base_ = "./vidnet_blazepose.py"
model = dict(backbone=dict(frozen=False), heatmap_head=dict(frozen=False))
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type="CropJitter", scale=0.05, shift=0.03),
            dict(type="ColourJitter", brightness=0.2, contrast=0.2, saturation=0.2),
        ],
    ),
)
# A tenth of the rate for what has been trained before.
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"backbone": dict(lr_mult=0.1), "heatmap_head": dict(lr_mult=0.1)}),
)
