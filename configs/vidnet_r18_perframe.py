# As vidnet_r18.py, but torques from each frame alone: what it costs to see no motion.
_base_ = "./vidnet_r18.py"
model = dict(temporal_head=dict(type="FrameTorqueHead", window=1))
