# ImDy as its released program has it: windows of 6 frames, at least 22 markers, AdamW 1e-3, 150 epochs.
#   python tools/prepare_opencap.py LabValidation --out data/vid.h5 --camera none
#   python tools/make_split.py data/vid.h5 --protocol block --out data/vid_block.json
# Its batch size is not among the known facts; here 64 windows.
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/imdy.py",
    "./_base_/schedules/adamw_step.py",
    "./_base_/runtime/default.py",
]
train_dataloader = dict(batch_size=64, dataset=dict(grf=True, predictions=1, pipeline=[]))
test_dataloader = dict(batch_size=8, dataset=dict(predictions=64))
