# As vidnet_blazepose.py, but without markers: for cameras that are not calibrated, or that differ between training and
# test.
_base_ = "./vidnet_blazepose.py"
model = dict(marker_regressor=None, marker_codec=None, marker_loss=None)
