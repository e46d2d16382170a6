# As vidzoo's vidnet_r18_synth.py, with the plug-in's GRU over time.
_base_ = "../../../configs/vidnet_r18_synth.py"
model = dict(temporal_head=dict(type="GRUTorqueHead"))
