# As markernet_transformer.py, but a perceptron on the markers of one frame.
_base_ = "./markernet_transformer.py"
model = dict(token_features=None, temporal_head=dict(type="FrameTorqueHead", window=1))
