# As markernet_transformer.py, but an LSTM over time in the Transformer's place.
_base_ = "./markernet_transformer.py"
model = dict(temporal_head=dict(type="LSTMTorqueHead"))
