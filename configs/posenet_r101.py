# Stage 1 of the paper's VID-Network: ResNet-101 and volume head on 3D poses, mean squared error of the coordinates.
#   python tools/prepare_pose3d.py muco MuCo/data/MuCo-3DHP.json MuCo/data --out data/muco_train.h5
#   python tools/prepare_pose3d.py coco person_keypoints_train2017.json train2017 --out data/coco_train.h5
#   python tools/prepare_pose3d.py human36m annotations images --subset test --every 64 --out data/h36m_test.h5
# The paper names neither its sets nor this stage's schedule. Here: PoseNet's, whose head it is, for MuCo-3DHP: that set
# and COCO; 25 epochs, a tenth of the rate after 17 and 21. Then train vidnet_r101_stage2.py.
_base_ = [
    "./_base_/datasets/pose.py",
    "./_base_/models/posenet_r101.py",
    "./_base_/schedules/adam_500e.py",
    "./_base_/runtime/default.py",
]
train_dataloader = dict(dataset=dict(pose_files=["data/muco_train.h5", "data/coco_train.h5"]))
test_dataloader = dict(dataset=dict(pose_files=["data/h36m_test.h5"]))
train_cfg = dict(max_epochs=25)
param_scheduler = [dict(type="MultiStepLR", milestones=[17, 21], gamma=0.1, by_epoch=True)]
