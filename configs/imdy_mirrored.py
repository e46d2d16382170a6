# As imdy.py, with fewer epochs and mirrored clips, as in the other recipes on markers.
_base_ = "./imdy.py"
train_dataloader = dict(dataset=dict(pipeline=[dict(type="HorizontalFlip", prob=0.5)]))
train_cfg = dict(max_epochs=30)
