# As vidnet_r18.py, but markers read from the marginals of the pose, not from its coordinates alone.
_base_ = "./vidnet_r18.py"
model = dict(marker_regressor=dict(type="MarginalMarkerRegressor", bins=[16, 8, 8]))
