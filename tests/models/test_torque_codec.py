from __future__ import annotations

import numpy as np
import pytest
import torch

from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.models.codecs.torque_codec import MarkerCodec, TorqueCodec

TWO = ("knee_angle_l", "ankle_angle_l")


def test_a_codec_knows_the_names_of_its_torques():
    codec = TorqueCodec(TWO)
    assert (codec.torques, codec.num_torques, codec.mean.shape) == (TWO, 2, (2,))
    assert TorqueCodec().torques == BENCHMARK_JOINTS
    for names, message in ((("knee_angle_r",) * 2, "each once"), (("knee",), "must be some of"), ((), "is empty")):
        with pytest.raises(ConfigError, match=message):
            TorqueCodec(names)
    with pytest.raises(ConfigError, match="marker_frame='world' must be camera or ground"):
        MarkerCodec(marker_frame="world")


def test_torques_become_z_scores_per_kilogram_and_return():
    rng = np.random.default_rng(0)
    mass = rng.uniform(50, 90, 500)
    torques = mass[:, None, None] * rng.normal([0.3, -1.0], [0.2, 2.0], (500, 3, 2))
    per_kg = (torques / mass[:, None, None]).reshape(-1, 2)
    codec = TorqueCodec(TWO)
    codec.set_statistics(per_kg.mean(0), per_kg.std(0))
    tensors = torch.tensor(torques, dtype=torch.float32), torch.tensor(mass, dtype=torch.float32)
    z = codec.encode(*tensors)
    np.testing.assert_allclose(z.reshape(-1, 2).mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(z.reshape(-1, 2).std(0, correction=0), 1, atol=1e-5)
    np.testing.assert_allclose(codec.decode(z, tensors[1]), torques, rtol=1e-4, atol=1e-3)


def test_half_precision_is_decoded_in_float32():
    codec = TorqueCodec(TWO[:1])
    codec.set_statistics([0.0], [1.0])
    z = torch.full((1, 1, 1), 1.0078125).bfloat16()  # exact in bfloat16; its product with the mass is not
    assert codec.decode(z, torch.tensor([71.3])).item() == pytest.approx(1.0078125 * 71.3, rel=1e-6)


def test_markers_there_and_back():
    codec = MarkerCodec(2)
    mean, std = np.arange(6.0).reshape(2, 3), np.full((2, 3), 0.5)
    codec.set_statistics(mean, std)
    markers = torch.randn(4, 5, 2, 3)
    np.testing.assert_allclose(codec.encode(markers), (markers.numpy() - mean) / std, rtol=1e-5)
    torch.testing.assert_close(codec.decode(codec.encode(markers)), markers)


def test_without_statistics_nothing_is_encoded_or_decoded():
    codec = TorqueCodec(TWO)
    for method in (codec.encode, codec.decode):
        with pytest.raises(CheckpointError, match="no statistics of 'torques_per_kg'"):
            method(torch.zeros(1, 1, 2), torch.ones(1))
    restored = TorqueCodec(TWO)
    codec.set_statistics([1, 2], [3, 4])
    restored.load_state_dict(codec.state_dict())
    torch.testing.assert_close(restored.decode(torch.ones(1, 1, 2), torch.ones(1)), torch.tensor([[[4.0, 6.0]]]))


def test_a_constant_target_is_left_unscaled():
    codec = TorqueCodec(TWO)
    codec.set_statistics([1.0, 0.0], [0.0, 2.0])
    torch.testing.assert_close(codec.encode(torch.tensor([[1.5, 1.0]]), torch.ones(1)), torch.tensor([[0.5, 0.5]]))


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.0] * 3, [1.0] * 2, r"mean has shape \(3,\)"),
        ([0.0] * 2, [1.0, np.nan], "the std .* finite"),
        ([0.0] * 2, [1.0, -1.0], "negative"),
    ],
)
def test_wrong_statistics_are_refused_and_leave_no_trace(mean, std, message):
    codec = TorqueCodec(TWO)
    with pytest.raises(ConfigError, match=message):
        codec.set_statistics(mean, std)
    assert not codec.is_set
