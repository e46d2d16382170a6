"""Mechanics against SciPy, MuJoCo's bodies and the equations that define a constrained minimum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vidzoo.anatomy import COORDINATES
from vidzoo.models.rigid_body import face_forward, pelvis_jacobian, share_load, turn_back, wrench_torques

C = len(COORDINATES)
SEQUENCE = "ZXY"
"""Intrinsic: tilt about z, list about x, rotation about y."""


def motion(seed: int = 0, frames: int = 2001, rate_hz: float = 1000.0) -> tuple[np.ndarray, np.ndarray]:
    """Return smooth coordinates [F, C] and their rates."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / rate_hz
    size, speed, phase = (rng.uniform(low, high, C) for low, high in ((0.1, 0.6), (1.0, 4.0), (0.0, 6.28)))
    return size * np.sin(speed * time + phase), size * speed * np.cos(speed * time + phase)


def elsewhere(coordinates: np.ndarray, angle: float, rate_hz: float = 1000.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the motion of someone who does the same, turned about y by ``angle`` and at another place."""
    turn = Rotation.from_euler("y", angle)
    out = coordinates.copy()
    out[:, :3] = np.unwrap((turn * Rotation.from_euler(SEQUENCE, coordinates[:, :3])).as_euler(SEQUENCE), axis=0)
    out[:, 3:6] = turn.apply(coordinates[:, 3:6]) + [1.3, 0.0, -0.7]
    return out, np.gradient(out, 1 / rate_hz, axis=0, edge_order=2)


def test_facing_forward_takes_the_heading_out_of_the_rotation_and_nothing_else():
    coordinates, rates = motion()
    coordinates[:, 2] += np.linspace(-9, 9, len(coordinates))  # turns round and round
    rates[:, 2] += 18 / 2.0
    forward, spin, heading = (x.numpy() for x in face_forward(torch.tensor(coordinates), torch.tensor(rates)))
    rotation = Rotation.from_euler(SEQUENCE, coordinates[:, :3])
    levelled = Rotation.from_euler("y", heading[:, None]) * Rotation.from_euler(SEQUENCE, forward[:, :3])
    assert (rotation * levelled.inv()).magnitude().max() < 1e-7
    assert not forward[:, [2, 3, 5]].any()
    np.testing.assert_array_equal(forward[:, [4, *range(6, C)]], coordinates[:, [4, *range(6, C)]])
    np.testing.assert_array_equal(spin[:, 6:], rates[:, 6:])

    step = (rotation[2:] * rotation[:-2].inv()).as_rotvec() / 0.002
    axes = Rotation.from_euler("y", -heading[1:-1, None])
    np.testing.assert_allclose(spin[1:-1][:, [1, 2, 0]], axes.apply(step), atol=1e-3)
    np.testing.assert_allclose(spin[1:-1, 3:6], axes.apply(rates[1:-1, 3:6]), atol=1e-12)


@pytest.mark.parametrize("angle", [0.4, 1.7, np.pi, -2.5])
def test_no_place_and_no_heading_is_left(angle):
    coordinates, rates = motion(1)
    there = face_forward(*map(torch.tensor, elsewhere(coordinates, angle)))
    here = face_forward(torch.tensor(coordinates), torch.tensor(rates))
    torch.testing.assert_close(there[0], here[0], atol=1e-9, rtol=0)
    torch.testing.assert_close(there[1], here[1], atol=1e-4, rtol=0)  # these rates are finite differences
    apart = (there[2] - here[2] - angle + np.pi) % (2 * np.pi) - np.pi
    assert apart.abs().max() < 1e-9


def test_turning_back_is_scipys_rotation():
    rng = np.random.default_rng(0)
    vectors, heading = rng.normal(size=(7, 3)), rng.uniform(-4, 4, 7)
    expected = Rotation.from_euler("y", -heading[:, None]).apply(vectors)
    np.testing.assert_allclose(turn_back(torch.tensor(vectors), torch.tensor(heading)), expected, atol=1e-12)


def random_supports(seed: int = 0, shape: tuple[int, ...] = (4, 3), supports: int = 3) -> list[torch.Tensor]:
    """Return load, Jacobians as of a body with ``supports`` supports, guess and spread."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*shape, *size, generator=generator, dtype=torch.float64)

    axes = torch.eye(3, dtype=torch.float64) + 0.2 * normal(3, 3)
    x, y, z = (0.5 * normal(supports, 3)).unbind(-1)
    zero = torch.zeros_like(x)
    lever = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    jacobians = torch.zeros(*shape, supports, 6, 6, dtype=torch.float64)
    jacobians[..., :3, :3] = axes[..., None, :, :]
    jacobians[..., 3:, :3] = -lever @ axes[..., None, :, :]
    jacobians[..., 3:, 3:] = torch.eye(3)
    return [normal(6), jacobians, normal(supports, 6), (0.7 * normal(supports, 6)).exp()]


def test_shares_are_the_nearest_wrenches_that_carry_the_load():
    """The constrained minimum solves one larger linear system: the conditions of Karush, Kuhn and Tucker."""
    load, jacobians, guess, spread = (x.flatten(0, 1).numpy() for x in random_supports())
    found = share_load(*map(torch.tensor, (load, jacobians, guess, spread))).numpy()
    for i in range(len(load)):
        constraint = np.concatenate(jacobians[i])
        precision = np.diag(spread[i].ravel() ** -2.0)
        system = np.block([[precision, constraint], [constraint.T, np.zeros((6, 6))]])
        answer = np.linalg.solve(system, np.concatenate([precision @ guess[i].ravel(), load[i]]))
        np.testing.assert_allclose(found[i].ravel(), answer[:18], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("ratio", [1.0, 12.0, 144.0])
def test_the_load_is_carried_to_float_precision_however_uneven_the_spreads(ratio):
    load, jacobians, guess, _ = random_supports(1, (200,), 2)
    spread = torch.stack([torch.full((200, 6), ratio), torch.ones(200, 6)], dim=1)
    load, jacobians, guess = (x.float() for x in (load, jacobians, guess))
    shares = share_load(load, jacobians, guess, spread)
    left = load.double() - torch.einsum("nskc,nsk->nc", jacobians.double(), shares.double())
    assert shares.dtype == torch.float32
    relative = (left.norm(dim=-1) / shares.double().norm(dim=(-1, -2))).max()
    assert relative < 1e-6, f"{relative:.1e} of the wrenches is left over"


def test_who_is_certain_keeps_the_guess_and_who_is_not_takes_the_rest():
    load, jacobians, guess, spread = random_supports(2, (5,), 2)
    spread[:, 0], spread[:, 1] = 1e-3, 1.0
    shares = share_load(load, jacobians, guess, spread)
    torch.testing.assert_close(shares[:, 0], guess[:, 0], atol=1e-4, rtol=0)
    rest = load - torch.einsum("nkc,nk->nc", jacobians[:, 0], shares[:, 0])
    alone = torch.linalg.solve(jacobians[:, 1].transpose(-1, -2), rest)
    torch.testing.assert_close(shares[:, 1], alone)


def test_sharing_has_the_right_gradient():
    arguments = [x.requires_grad_() for x in random_supports(3, (2,), 2)]
    assert torch.autograd.gradcheck(share_load, arguments)


def test_wrench_torques_are_the_sum_of_transposed_jacobians():
    rng = np.random.default_rng(0)
    jacobians, wrenches = rng.normal(size=(3, 2, 6, C)), rng.normal(size=(3, 2, 6))
    expected = np.stack([sum(j.T @ w for j, w in zip(js, ws)) for js, ws in zip(jacobians, wrenches)])
    np.testing.assert_allclose(wrench_torques(torch.tensor(jacobians), torch.tensor(wrenches)), expected)


def test_pelvis_jacobian_is_that_of_mujocos_pelvis():
    mujoco = pytest.importorskip("mujoco")
    from vidzoo.synthetic import draw_subject
    from vidzoo.synthetic.body import TO_COORDINATES, build_body

    body = build_body(draw_subject(3, 0))
    body.data.qpos[:] = np.random.default_rng(0).uniform(-0.5, 0.5, body.model.nq)
    mujoco.mj_fwdPosition(body.model, body.data)

    def jacobian(of: int) -> np.ndarray:
        rows = np.zeros((6, body.model.nv))
        mujoco.mj_jacBody(body.model, body.data, rows[3:], rows[:3], of)
        return rows[:, TO_COORDINATES]

    feet = torch.tensor(np.stack([jacobian(foot) for foot in body.feet]))
    pelvis = mujoco.mj_name2id(body.model, mujoco.mjtObj.mjOBJ_BODY, "pelvis")
    np.testing.assert_allclose(pelvis_jacobian(feet), jacobian(pelvis)[:, :6], atol=1e-12)
