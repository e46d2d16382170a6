# As vidnet_r101.py, with an LSTM over time in the Transformer's place.
_base_ = "./vidnet_r101.py"
model = dict(temporal_head=dict(type="LSTMTorqueHead"))
