# As markernet_transformer.py, but a temporal convolution in the Transformer's place.
_base_ = "./markernet_transformer.py"
model = dict(temporal_head=dict(type="TCNTorqueHead"))
