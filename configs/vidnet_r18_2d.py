# As vidnet_r18.py, but without depth: a volume of one bin along the line of sight, so that every joint has z = 0.
_base_ = "./vidnet_r18.py"
model = dict(heatmap_head=dict(depth_bins=1))
