# The hybrid with physics as its first guess: where training has not seen such a motion, it says what the physics
# baseline says. The data file needs --inverse-dynamics opensim, of a version that stores physics_wrenches.
#   vidzoo prepare-opencap LabValidation --out data/vid.h5 --camera none --inverse-dynamics opensim
#   vidzoo split data/vid.h5 --protocol loso --held-out subject4 --out data/vid_loso4.json
# No HorizontalFlip: the network sees each clip and its mirror image anyway.
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/physics_guided_hybrid.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
# Longer clips than dino_hybrid's, so that fewer frames are worked out twice.
train_dataloader = dict(batch_size=8, dataset=dict(predictions=16, pipeline=[]))
test_dataloader = dict(batch_size=8, dataset=dict(predictions=64))
test_evaluator = [dict(type="TorqueBenchmark", data_file=None, split=None), dict(type="PelvisResidual")]
train_cfg = dict(max_epochs=40)
