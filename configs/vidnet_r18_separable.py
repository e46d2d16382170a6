# As vidnet_r18.py, but bilinear upsampling and a depthwise separable convolution in the heatmap head.
_base_ = "./vidnet_r18.py"
model = dict(heatmap_head=dict(type="SeparableHead", channels=64, num_layers=1))
