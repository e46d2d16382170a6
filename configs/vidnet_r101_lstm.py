# As vidnet_r101.py, with an LSTM over time in the Transformer's place.
_base_ = [
    "./_base_/datasets/vid.py",
    "./_base_/models/vidnet_r101.py",
    "./_base_/schedules/adam_500e.py",
    "./_base_/runtime/default.py",
]
model = dict(temporal_head=dict(type="LSTMTorqueHead"))
