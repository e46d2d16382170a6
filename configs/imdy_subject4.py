# ImDy on the REAL markers and torques of subject4, protocol block, fewer epochs. Clips are mirrored, as in every
# recipe of subject4 here (the released program mirrors nothing).
#   python tools/prepare_opencap.py LabValidation --out data/subject4_render.h5 --subjects subject4 \
#       --camera CamRender --image-size 128 --inverse-dynamics opensim
#   python tools/make_split.py data/subject4_render.h5 --protocol block --out data/subject4_render_block.json
_base_ = [
    "./_base_/datasets/vid_markers.py",
    "./_base_/models/imdy.py",
    "./_base_/schedules/adamw_step.py",
    "./_base_/runtime/default.py",
]
data_file = "data/subject4_render.h5"
split = "data/subject4_render_block.json"
clips = dict(requires=["markers", "marker_valid"], window=6, target_index=2)
train_dataloader = dict(dataset=dict(grf=True, pipeline=[dict(type="HorizontalFlip", prob=0.5)], **clips))
test_dataloader = dict(dataset=clips)
train_cfg = dict(max_epochs=30)
