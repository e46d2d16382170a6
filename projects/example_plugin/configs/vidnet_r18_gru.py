# As vidzoo's vidnet_r18.py, with the plug-in's GRU over time.
_base_ = "../../../configs/vidnet_r18.py"
model = dict(temporal_head=dict(type="GRUTorqueHead"))
