# As landmarknet_perceptron.py, but an LSTM over time in the perceptron's place.
_base_ = "./landmarknet_perceptron.py"
model = dict(temporal_head=dict(type="LSTMTorqueHead"))
