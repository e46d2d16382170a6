# A Transformer over time on OpenSim coordinates, protocol block: REAL motion and torques of subject4.
#   python tools/prepare_opencap.py LabValidation --out data/subject4_render.h5 --subjects subject4 \
#       --camera CamRender --image-size 128 --inverse-dynamics opensim
#   python tools/make_split.py data/subject4_render.h5 --protocol block --out data/subject4_render_block.json
_base_ = [
    "./_base_/datasets/vid_marker_clips.py",
    "./_base_/models/marker_torque_net.py",
    "./_base_/schedules/adamw_short.py",
    "./_base_/runtime/default.py",
]
data_file = "data/subject4_render.h5"
split = "data/subject4_render_block.json"
model = dict(kinematics="coordinates")
inputs = dict(requires=["coordinates", "coordinate_velocities"])
train_dataloader = dict(dataset=inputs)
test_dataloader = dict(dataset=inputs)
default_hooks = dict(checkpoint=dict(interval=20))
