# ruff: noqa: C408 -- configs say dict(type=...)
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vidzoo.anatomy import COORDINATES, MARKERS, PELVIS_MARKERS
from vidzoo.datasets import VIDDataset
from vidzoo.errors import ConfigError
from vidzoo.models.estimators import MarkerTorqueNet

HEAD = dict(type="TCNTorqueHead", window=5, hidden=16)
REQUIRES = {"markers": ("markers", "marker_velocities"), "coordinates": ("coordinates", "coordinate_velocities")}


def make(**changes) -> MarkerTorqueNet:
    torch.manual_seed(0)
    arguments = dict(
        temporal_head=HEAD, torque_codec=dict(type="TorqueCodec"), torque_loss=dict(type="WeightedMSELoss")
    )
    return MarkerTorqueNet(**(arguments | changes)).eval()


@pytest.fixture(scope="module", params=REQUIRES)
def trained(request, tiny_data_file: Path, tiny_split: Path) -> tuple[MarkerTorqueNet, VIDDataset]:
    """A network with the statistics of a training set, and that set."""
    dataset = VIDDataset(
        data_file=tiny_data_file, split=tiny_split, requires=REQUIRES[request.param], window=5, predictions=4
    )
    model = make(kinematics=request.param)
    model.set_statistics(dataset.target_statistics())
    return model, dataset


def inputs_of(dataset: VIDDataset) -> dict[str, torch.Tensor]:
    samples = [dataset[i]["inputs"] for i in range(3)]
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


def moved(inputs: dict[str, torch.Tensor], x: float = 0.0, y: float = 0.0, z: float = 0.0) -> dict[str, torch.Tensor]:
    """Return the inputs of the same motion elsewhere in the room, in m."""
    new = dict(inputs)
    if "markers" in inputs:
        new["markers"] = inputs["markers"] + torch.tensor([x, y, z])
    else:
        new["coordinates"] = inputs["coordinates"].clone()
        for axis, metres in zip("xyz", (x, y, z)):
            new["coordinates"][..., COORDINATES.index(f"pelvis_t{axis}")] += metres
    return new


def test_the_place_in_the_room_does_not_count_but_the_height_does(trained):
    model, dataset = trained
    inputs = inputs_of(dataset)
    with torch.no_grad():
        here, there, above = (model(moved(inputs, **by)).torques for by in ({}, {"x": 3.0, "z": -2.0}, {"y": 0.1}))
    torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(here, above, atol=1e-2)


def test_tokens_are_standardised(trained):
    """Over the training subset's frames every feature has mean 0 and standard deviation 1."""
    model, dataset = trained
    seen = []
    hook = model.to_token.register_forward_hook(lambda _, args, __: seen.append(args[0]))
    recordings = {id(t.recording): t.recording for t in dataset.tracks}.values()
    with torch.no_grad():
        for recording in recordings:
            assert recording.target.all()
            model({name: torch.from_numpy(values)[None] for name, values in recording.modalities.items()})
    hook.remove()
    features = torch.cat(seen, dim=1)[0].numpy()
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(features.std(0), 1, rtol=1e-2)
    width = {"markers": 2 * 3 * len(MARKERS), "coordinates": 2 * len(COORDINATES) - 2}
    assert features.shape[1] == model.temporal_head.in_features == width[model.requires[0]]


def test_the_centred_statistics_are_of_the_markers_over_the_origin(tiny_data_file: Path, tiny_split: Path):
    dataset = VIDDataset(data_file=tiny_data_file, split=tiny_split, requires=("markers",), window=5)
    markers = np.concatenate([t.recording.modalities["markers"] for t in dataset.tracks]).astype(np.float64)
    pelvis = markers[:, [MARKERS.index(name) for name in PELVIS_MARKERS]].mean(1)
    markers[..., 0] -= pelvis[:, None, 0]
    markers[..., 2] -= pelvis[:, None, 2]
    mean, std = dataset.target_statistics()["input_markers_centred"]
    np.testing.assert_allclose(mean, markers.mean(0), atol=1e-5)
    np.testing.assert_allclose(std, markers.std(0), atol=1e-5)


def test_a_clip_equals_its_single_windows(trained):
    model, dataset = trained
    inputs = inputs_of(dataset)
    with torch.no_grad():
        whole = model(inputs).torques
        parts = [model({name: v[:, k : k + 5] for name, v in inputs.items()}).torques for k in range(4)]
    torch.testing.assert_close(whole, torch.cat(parts, 1), rtol=1e-4, atol=1e-5)


def test_what_it_asks_for():
    assert make().requires == ("markers", "marker_velocities")
    assert make(velocities=False).requires == ("markers",)
    assert make(kinematics="coordinates").requires == ("coordinates", "coordinate_velocities")
    model = make(token_features=24)
    assert (model.window, model.temporal_head.in_features) == (5, 24)
    assert model.to_token.weight.shape == (24, 306)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(kinematics="images"), "kinematics='images' must be 'markers', 'coordinates' or 'landmarks'"),
        (
            dict(temporal_head=dict(type="LSTMTorqueHead", in_features=7)),
            "in_features=7, but a frame of markers and marker_velocities has 306",
        ),
        (dict(temporal_head=dict(type="LSTMTorqueHead", num_torques=3)), "leave num_torques out"),
        (dict(temporal_head=dict(type="TCNTorqueHead", window=4)), "window=4 must be odd"),
        (dict(kinematics="landmarks"), "needs velocities=False, for landmarks have none"),
        (dict(stride=2), "stride, noise, bias, tilt and average_mirrored are for landmarks, not for 'markers'"),
        (
            dict(kinematics="landmarks", velocities=False, noise=-1.0),
            "noise=-1.0, bias=0.0 and tilt=0.0 must be 0 or more",
        ),
        (
            dict(
                kinematics="landmarks",
                velocities=False,
                average_mirrored=True,
                torque_codec=dict(type="TorqueCodec", torques=["hip_flexion_r"]),
            ),
            "needs the torque of the other side of 'hip_flexion_r'",
        ),
    ],
)
def test_parts_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        make(**changes)
