# As vidnet_r18_96px.py, with markers in the ground's axes: for one camera that stands still and is not calibrated.
#   python tools/prepare_opencap.py LabValidation --out data/subject4_squats1_real.h5 --subjects subject4 \
#       --trials squats1 --camera CamUnknown --box 0,480,640,640 --image-size 128
#   python tools/make_split.py data/subject4_squats1_real.h5 --protocol block \
#       --out data/subject4_squats1_real_block.json
_base_ = "./vidnet_r18.py"
model = dict(image_size=96, heatmap_head=dict(depth_bins=24), marker_codec=dict(marker_frame="ground"))
train_dataloader = dict(batch_size=12)
train_cfg = dict(max_epochs=40)
