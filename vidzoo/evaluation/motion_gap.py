"""The gap of motion: the error on measured motion of a model that learnt from made-up motion, with perfect eyes.

The model sees what a landmark model sees, but without its errors: 16 points of the body from the markers, relative to
the hips, turned to face one way and in body heights. So the error says what the made-up motion lacks, apart from what
the eyes see wrongly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import nn

from vidzoo.anatomy import ACTION_FAMILIES, BENCHMARK_JOINTS, COORDINATES, MARKERS, mirror_index
from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile
from vidzoo.io.data_file.trial_reader import TrialReader

POINTS: tuple[tuple[str, ...], ...] = (
    ("R_Shoulder",), ("R_elbow_med", "R_elbow_lat"), ("R_wrist_radius", "R_wrist_ulna"), ("R_HJC",), ("r_knee",),
    ("r_ankle",), ("r_calc",), ("r_toe",),
)  # fmt: skip
"""Right points of the body, each the mean of its markers; the left ones follow in the same order."""
HIP = 3
OFFSETS = np.arange(-0.10, 0.101, 0.02)
"""Times of a window about its prediction, s."""
HEADING_S = 0.25
"""Standard deviation of the smoothing of the heading, s."""
NOISE = 0.1
"""Of the inputs in training, as a share of their spread."""
WIDTH, BATCH, STEPS = 256, 256, 2500
_JOINTS = [COORDINATES.index(name) for name in BENCHMARK_JOINTS]
_MIRROR = mirror_index(BENCHMARK_JOINTS)


def body_points(trial: TrialReader) -> tuple[np.ndarray, np.ndarray]:
    """Return the 16 points [F, 16, 3] in body heights (forward, up, right of the hips), and which frames have all.

    Raises:
        DataError: a marker is missing throughout.
    """
    markers = trial.array("markers").astype(np.float64)
    sides = [POINTS, tuple(tuple("L" + name[1:] for name in names) for names in POINTS)]
    points = np.stack(
        [markers[:, [MARKERS.index(n) for n in names]].mean(axis=1) for side in sides for names in side], 1
    )
    seen = np.isfinite(points).all(axis=(1, 2))
    for hip in (HIP, HIP + len(POINTS)):
        points[:, hip] = _filled(points[:, hip], trial)
    points = points - (points[:, HIP] + points[:, HIP + len(POINTS)])[:, None] / 2
    points = np.stack([_filled(points[:, i], trial) for i in range(points.shape[1])], axis=1)
    right = points[:, HIP] - points[:, HIP + len(POINTS)]
    right = gaussian_filter1d(right, HEADING_S * trial.rate_hz, axis=0, mode="nearest") * [1.0, 0.0, 1.0]
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    forward = np.stack([right[:, 2], 0 * right[:, 0], -right[:, 0]], axis=1)
    turn = np.stack([forward, np.tile([0.0, 1.0, 0.0], (len(right), 1)), right], axis=1)
    return np.einsum("fij,fkj->fki", turn, points) / trial.height_m, seen


def _filled(path: np.ndarray, trial: TrialReader) -> np.ndarray:
    """Return a path [F, 3] whose gaps are bridged by straight lines."""
    known = np.flatnonzero(np.isfinite(path).all(axis=1))
    if not len(known):
        raise DataError(f"{trial.place}: a marker of hips, legs or arms is missing throughout; leave this trial out.")
    frames = np.arange(len(path))
    return np.stack([np.interp(frames, known, path[known, axis]) for axis in range(3)], axis=1)


def windows(points: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return each frame's window [F, T, 16, 3]; beyond the ends stand the first and the last frame."""
    index = np.arange(len(points))[:, None] + np.round(OFFSETS * rate_hz).astype(int)
    return points[np.clip(index, 0, len(points) - 1)].astype(np.float32)


def mirrored(inputs: np.ndarray) -> np.ndarray:
    """Return windows [.., 16, 3] of the mirrored body."""
    half = len(POINTS)
    return np.concatenate([inputs[..., half:, :], inputs[..., :half, :]], axis=-2) * np.array([1, 1, -1], np.float32)


def _samples(data: DataFile) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return windows, torques per kg [n, Q], which of them are good labels, and actions of all frames."""
    parts = []
    for trial in data:
        points, seen = body_points(trial)
        torques = trial.array("torques").astype(np.float64)[:, _JOINTS] / trial.mass_kg
        good = (trial.array("validity")[:, _JOINTS] == 0) & seen[:, None] & np.isfinite(torques)
        actions = np.full(len(points), trial.action)
        parts.append((windows(points, trial.rate_hz), np.where(good, torques, 0).astype(np.float32), good, actions))
    inputs, torques, good, actions = (np.concatenate(column) for column in zip(*parts))
    return inputs, torques, good, actions


class _Learnt:
    """A perceptron with the statistics of what it learnt from."""

    def __init__(
        self, inputs: np.ndarray, torques: np.ndarray, good: np.ndarray, actions: np.ndarray, seed: int
    ) -> None:
        inputs = np.concatenate([inputs, mirrored(inputs)]).reshape(2 * len(inputs), -1)
        torques, good = (np.concatenate([a, a[:, _MIRROR]]) for a in (torques, good))
        self.mean, self.spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-4
        self.torque_mean, self.torque_spread = torques.mean(axis=0), torques.std(axis=0) + 1e-4
        x = torch.from_numpy((inputs - self.mean) / self.spread)
        y = torch.from_numpy((torques - self.torque_mean) / self.torque_spread)
        weight = torch.from_numpy(good.astype(np.float32))
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for width in (x.shape[1], WIDTH, WIDTH):
            layers += [nn.Linear(width, WIDTH), nn.ReLU()]
        self.net = nn.Sequential(*layers, nn.Linear(WIDTH, len(_JOINTS)))
        optimizer = torch.optim.AdamW(self.net.parameters(), 1e-3, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=STEPS)
        counts = {action: (actions == action).sum() for action in np.unique(actions)}
        share = np.tile([1 / counts[action] for action in actions], 2)
        order = np.random.default_rng(seed).choice(len(x), (STEPS, BATCH), p=share / share.sum())
        for batch in torch.from_numpy(order):
            noisy = x[batch] + NOISE * torch.randn(BATCH, x.shape[1])
            loss = ((self.net(noisy) - y[batch]).abs() * weight[batch]).sum() / weight[batch].sum().clamp(min=1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Return torques [n, Q] N·m/kg, averaged with those of the mirror image."""

        def one(x: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                out = self.net(torch.from_numpy((x.reshape(len(x), -1) - self.mean) / self.spread)).numpy()
            return out * self.torque_spread + self.torque_mean

        return (one(inputs) + one(mirrored(inputs))[:, _MIRROR]) / 2


def motion_gap(made_up: DataFile, measured: DataFile, seeds: tuple[int, ...] = (0, 1, 2)) -> dict[str, Any]:
    """Learn from made-up motion, test on good labels of measured motion; beside it two predictors that learn nothing.

    ``mean_torque`` predicts each action's mean torque of the made-up people, ``zero_torque`` none.

    Raises:
        DataError: a marker of the 16 points is missing throughout a trial.
    """
    inputs, torques, good, actions = _samples(made_up)
    test_inputs, test_torques, test_good, test_actions = _samples(measured)
    predictions = [_Learnt(inputs, torques, good, actions, seed)(test_inputs) for seed in seeds]
    found: dict[str, Any] = {}
    for action in ACTION_FAMILIES:
        rows, ours = test_actions == action, actions == action
        if not rows.any() or not ours.any():
            continue
        known = test_good[rows]

        def error(predicted: np.ndarray, rows: np.ndarray = rows, known: np.ndarray = known) -> np.ndarray:
            missed = np.where(known, np.abs(predicted - test_torques[rows]), 0)
            return missed.sum(axis=0) / np.maximum(known.sum(axis=0), 1)

        errors = np.array([error(p[rows]) for p in predictions])
        mean = np.where(good[ours], torques[ours], 0).sum(axis=0) / np.maximum(good[ours].sum(axis=0), 1)
        found[action] = {
            "mPJE_mean": round(float(errors.mean()), 4),
            "seeds": [round(float(e.mean()), 4) for e in errors],
            "mean_torque": round(float(error(mean).mean()), 4),
            "zero_torque": round(float(error(np.zeros(len(_JOINTS))).mean()), 4),
            "per_joint": {j: round(float(e), 4) for j, e in zip(BENCHMARK_JOINTS, errors.mean(axis=0))},
        }
    return {"seeds": list(seeds), "steps": STEPS, "actions": found}
