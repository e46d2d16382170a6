# As markernet_transformer.py, but OpenSim's coordinates in the markers' place.
_base_ = "./markernet_transformer.py"
model = dict(kinematics="coordinates")
