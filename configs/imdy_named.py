# As imdy_mirrored.py, with two changes of our own: a token says which marker it is, and velocities are in m/s.
_base_ = "./imdy.py"
model = dict(names=True, velocity_scale=100)
train_dataloader = dict(dataset=dict(pipeline=[dict(type="HorizontalFlip", prob=0.5)]))
train_cfg = dict(max_epochs=30)
