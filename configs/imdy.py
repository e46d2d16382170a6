# ImDy as its released program has it: windows of 6 frames, at least 22 markers, AdamW 1e-3, 150 epochs.
#   python tools/prepare_opencap.py LabValidation --out data/vid.h5 --camera none
#   python tools/make_split.py data/vid.h5 --protocol block --out data/vid_block.json
# Its batch size is not among the known facts; here 64 windows.
_base_ = [
    "./_base_/datasets/vid_markers.py",
    "./_base_/models/imdy.py",
    "./_base_/schedules/adamw_step.py",
    "./_base_/runtime/default.py",
]
clips = dict(requires=["markers", "marker_valid"], window=6, target_index=2)
train_dataloader = dict(dataset=dict(grf=True, **clips))
test_dataloader = dict(dataset=clips)
