# Dino's hybrid model on the REAL kinematics of subject4, protocol block; the file needs --inverse-dynamics opensim.
#   python tools/prepare_opencap.py LabValidation --out data/subject4_render.h5 --subjects subject4 \
#       --camera CamRender --image-size 128 --inverse-dynamics opensim
#   python tools/make_split.py data/subject4_render.h5 --protocol block --out data/subject4_render_block.json
_base_ = [
    "./_base_/datasets/vid_kinematics.py",
    "./_base_/models/dino_hybrid.py",
    "./_base_/schedules/adam_short.py",
    "./_base_/runtime/default.py",
]
data_file = "data/subject4_render.h5"
split = "data/subject4_render_block.json"
needs = ["coordinates", "coordinate_velocities", "mass", "height", "inertial_torques", "foot_jacobians"]
train_dataloader = dict(dataset=dict(requires=needs))
test_dataloader = dict(dataset=dict(requires=needs))
test_evaluator = [dict(type="TorqueBenchmark", data_file=None, split=None), dict(type="PelvisResidual")]
train_cfg = dict(max_epochs=40)
