# As vidnet_r18.py, for images of 96 x 96 pixels.
#   python tools/prepare_opencap.py LabValidation --out data/subject4_render.h5 --subjects subject4 \
#       --camera CamRender --image-size 128 --inverse-dynamics opensim
#   python tools/make_split.py data/subject4_render.h5 --protocol block --out data/subject4_render_block.json
_base_ = "./vidnet_r18.py"
model = dict(image_size=96, heatmap_head=dict(depth_bins=24))
train_dataloader = dict(batch_size=12)
train_cfg = dict(max_epochs=12)
