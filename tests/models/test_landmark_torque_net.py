# ruff: noqa: C408 -- configs say dict(type=...)
"""MarkerTorqueNet on world landmarks: what it does not see, its mirror image, its noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vidzoo.anatomy import BENCHMARK_JOINTS, BODY_LANDMARKS, LANDMARKS
from vidzoo.datasets.transforms import mirror_sample
from vidzoo.models.estimators import MarkerTorqueNet
from vidzoo.models.estimators.landmark_windows import tilted, windows_of

HEADS = {
    "PerceptronTorqueHead": dict(hidden=[16]),
    "LSTMTorqueHead": dict(hidden=8),
    "TransformerTorqueHead": dict(dim=16, depth=1, heads=2),
    "TCNTorqueHead": dict(hidden=8),
}
LENGTH = 14


def make(head: str = "PerceptronTorqueHead", **changes) -> MarkerTorqueNet:
    torch.manual_seed(0)
    arguments = dict(
        kinematics="landmarks",
        velocities=False,
        stride=2,
        temporal_head=dict(type=head, window=5, **HEADS[head]),
        torque_codec=dict(type="TorqueCodec"),
        torque_loss=dict(type="WeightedMSELoss"),
    )
    model = MarkerTorqueNet(**(arguments | changes)).eval()
    rng = np.random.default_rng(1)
    turned = rng.normal(0, 0.1, (len(BODY_LANDMARKS), 3)), np.full((len(BODY_LANDMARKS), 3), 0.2)
    per_kg = rng.normal(0, 1, len(BENCHMARK_JOINTS)), rng.uniform(0.5, 1, len(BENCHMARK_JOINTS))
    model.set_statistics({"input_landmarks_turned": turned, "torques_per_kg": per_kg})
    return model


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    """Two people's clips; their landmarks move, but their hips do not turn round."""
    generator = torch.Generator().manual_seed(3)
    posture = 0.3 * torch.randn(2, 1, len(LANDMARKS), 3, generator=generator)
    motion = 0.02 * torch.randn(2, LENGTH, len(LANDMARKS), 3, generator=generator)
    return {"landmarks_world": posture + motion, "height": torch.tensor([1.6, 1.9])}


def predict(model: MarkerTorqueNet, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return model(inputs).torques


@pytest.mark.parametrize("head", HEADS)
def test_neither_the_camera_s_bearing_nor_the_body_s_size_counts(inputs, head):
    model = make(head)
    turn = torch.tensor(Rotation.from_euler("y", 130, degrees=True).as_matrix(), dtype=torch.float32)
    seen = inputs["landmarks_world"]
    here = predict(model, inputs)
    assert here.shape == (2, LENGTH - 8, len(BENCHMARK_JOINTS))
    torch.testing.assert_close(predict(model, inputs | {"landmarks_world": seen @ turn.T}), here, rtol=1e-4, atol=1e-4)
    larger = {"landmarks_world": 1.3 * seen, "height": 1.3 * inputs["height"]}
    torch.testing.assert_close(predict(model, larger), here, rtol=1e-4, atol=1e-4)
    tilt = torch.tensor(Rotation.from_euler("x", 20, degrees=True).as_matrix(), dtype=torch.float32)
    assert not torch.allclose(predict(model, inputs | {"landmarks_world": seen @ tilt.T}), here, atol=1e-3)


def test_the_hips_lie_along_x_on_average_over_the_window(inputs):
    windows = windows_of(inputs["landmarks_world"], inputs["height"], window=9, stride=2)
    assert windows.shape == (2 * (LENGTH - 8), 5, 16, 3)
    whole = windows_of(inputs["landmarks_world"], inputs["height"], window=9, stride=1)
    torch.testing.assert_close(whole[:, ::2], windows)
    across = (whole[:, :, BODY_LANDMARKS.index("hip_l")] - whole[:, :, BODY_LANDMARKS.index("hip_r")]).mean(1)
    assert (across[:, 0] > 0).all()
    torch.testing.assert_close(across[:, 2], torch.zeros(len(across)), atol=1e-6, rtol=0)
    own = inputs["landmarks_world"][1, 3:12, [LANDMARKS.index(name) for name in BODY_LANDMARKS]] / 1.9  # lengths stay
    torch.testing.assert_close(whole[LENGTH - 8 + 3].norm(dim=-1), own.norm(dim=-1))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("average", [True, False])
def test_a_clip_equals_its_single_windows(inputs, head, average):
    """So a running video, of which a window is all there is, gives what a recording gives."""
    model = make(head, average_mirrored=average)
    assert (model.window, model.target_index, model.task.requires) == (9, 4, ("landmarks_world", "height"))
    parts = [
        predict(model, inputs | {"landmarks_world": inputs["landmarks_world"][:, k : k + 9]}) for k in range(LENGTH - 8)
    ]
    torch.testing.assert_close(predict(model, inputs), torch.cat(parts, 1), rtol=1e-4, atol=1e-5)


def test_the_average_of_both_sides_is_the_mirror_image_of_itself(inputs):
    """The torques of a mirrored person, mirrored by the data set's own transform, are the person's."""
    model = make(average_mirrored=True)
    mirrored = mirror_sample({"landmarks_world": inputs["landmarks_world"].numpy()})["landmarks_world"]
    samples = [model.torque_codec.restore(predict(model, inputs | {"landmarks_world": torch.tensor(v)})).numpy()
               for v in (inputs["landmarks_world"].numpy(), mirrored)]  # fmt: skip
    back = mirror_sample(
        {"gt_torques": samples[1], "valid": np.ones(samples[1].shape, bool), "torque_names": BENCHMARK_JOINTS}
    )
    np.testing.assert_allclose(back["gt_torques"], samples[0], atol=1e-4)
    plain = [model.torque_codec.restore(predict(make(), inputs)).numpy()]
    assert not np.allclose(plain[0], samples[0], atol=1e-2)


def test_noise_is_for_training_alone(inputs):
    seen = []
    for noise, bias in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.3)):
        model = make(noise=noise, bias=bias)
        model.tokens.register_forward_hook(lambda _, __, tokens: seen.append(tokens.detach()))
        predict(model, inputs)
        model.train()
        predict(model, inputs)
    quiet, same, still, noisy, standing, biased = seen
    assert torch.equal(quiet, same) and torch.equal(quiet, still) and torch.equal(quiet, standing)
    added = (noisy - quiet).std(), (biased - quiet)[:, 0].std()
    np.testing.assert_allclose(added, (0.1, 0.3), rtol=0.2)
    torch.testing.assert_close((biased - quiet)[:, 0], (biased - quiet)[:, 3], atol=1e-5, rtol=0)
    assert not torch.allclose((noisy - quiet)[:, 0], (noisy - quiet)[:, 3], atol=1e-2)


def test_other_cameras_pitch_and_roll(inputs):
    """Each window is turned as a whole, by some degrees about x and z and not about y."""
    windows = windows_of(inputs["landmarks_world"], inputs["height"], window=9, stride=1).repeat(100, 1, 1, 1)
    new = tilted(windows, 0.1)
    for axis in range(3):
        angles = []
        for before, after in zip(windows.flatten(1, 2).numpy(), new.flatten(1, 2).numpy()):
            turn, error = Rotation.align_vectors(after, before)
            assert error < 1e-3 * np.linalg.norm(before)
            angles.append(turn.as_rotvec()[axis])
        assert np.std(angles) == pytest.approx(0.1 if axis != 1 else 0, abs=0.015)


def test_the_first_of_every_two_frames_counts(inputs):
    """Of the frames between, only the hips do: they say where the person faces."""
    seen = inputs["landmarks_world"][:, :9].clone().requires_grad_()
    make()({"landmarks_world": seen, "height": inputs["height"]}).torques.sum().backward()
    knee, hip, nose = (seen.grad[0, :, LANDMARKS.index(name)].abs().sum(-1) > 0 for name in ("knee_r", "hip_r", "nose"))
    assert knee.tolist() == [True, False] * 4 + [True]
    assert hip.all() and not nose.any()
