# As vidnet_r18.py, but a temporal convolution in the Transformer's place.
_base_ = "./vidnet_r18.py"
model = dict(temporal_head=dict(type="TCNTorqueHead"))
