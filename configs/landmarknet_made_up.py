# As landmarknet_perceptron.py, for the landmarks of many made-up people: see projects/made_up_people.
_base_ = "./landmarknet_perceptron.py"
model = dict(bias=0.3)
train_dataloader = dict(batch_size=16, dataset=dict(predictions=16))
train_cfg = dict(max_epochs=8)
default_hooks = dict(checkpoint=dict(interval=8))
