"""Made-up motion against measured motion: per action, what a trial's figures are and where the measured ones lie."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from tabulate import tabulate

from vidzoo.anatomy import ACTION_FAMILIES, COORDINATES, GRAVITY
from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile
from vidzoo.io.data_file.trial_reader import TrialReader

FORMAT, VERSION = "vid-motion", 1
SIDED = ("hip_flexion", "hip_adduction", "knee_angle", "ankle_angle", "arm_flex", "elbow_flex")
MIDDLE = ("pelvis_tilt", "lumbar_extension", "lumbar_bending")
TORQUES = ("hip_flexion", "knee_angle", "ankle_angle", "lumbar_extension", "arm_flex", "elbow_flex")
LOADED = 0.05
"""Vertical force, in body weights, from which on a foot is on the ground."""
LEAST_LABELS = 20
"""Good labels that a trial must have for a figure of its torque."""
INSIDE = (5.0, 95.0)
"""Percentiles of the made-up trials between which a measured figure counts as inside."""


def figures(trial: TrialReader) -> dict[str, float]:
    """Return a trial's figures: low and high angles (deg) and peak rates (deg/s), torques (N·m/kg), forces, times.

    Low and high are the 2nd and the 98th percentile over the trial's frames; sides are pooled.
    """
    angles = np.degrees(trial.array("coordinates").astype(np.float64))
    rates = np.degrees(trial.array("coordinate_velocities").astype(np.float64))
    torques = trial.array("torques").astype(np.float64) / trial.mass_kg
    torques[trial.array("validity") != 0] = np.nan
    found: dict[str, float] = {}
    for name in (*SIDED, *MIDDLE):
        columns = _columns(name)
        # A shoulder that jumps by a turn is no fast shoulder.
        known = np.abs(rates[:, columns]) < 2000
        values = angles[:, columns][known]
        if name != "lumbar_bending":
            found[f"{name} low"], found[f"{name} high"] = (float(v) for v in np.percentile(values, [2, 98]))
        else:
            found[f"{name} range"] = float(np.ptp(np.percentile(values, [2, 98])))
        found[f"{name} rate"] = float(np.percentile(np.abs(rates[:, columns])[known], 98))
    for name in TORQUES:
        values = torques[:, _columns(name)]
        values = values[np.isfinite(values)]
        if len(values) >= LEAST_LABELS:
            low, high = np.percentile(values, [2, 98])
            found |= {f"{name} torque mean": float(values.mean()), f"{name} torque low": float(low),
                      f"{name} torque high": float(high)}  # fmt: skip
    return found | _ground(trial)


def _columns(name: str) -> list[int]:
    return [i for i, c in enumerate(COORDINATES) if c.removesuffix("_r").removesuffix("_l") == name]


def _ground(trial: TrialReader) -> dict[str, float]:
    """Return the figures of the ground reaction, where the trial has one."""
    if not trial.has("grf"):
        return {}
    force = trial.array("grf").astype(np.float64)[:, :, 1] / (trial.mass_kg * GRAVITY)
    both = force.sum(axis=1)
    found = {"force peak": float(np.percentile(both, 99)), "force share right": float(force[:, 0].sum() / force.sum())}
    jumps = trial.action.startswith("DJ")
    loads = [both] if jumps else [force[:, 0], force[:, 1]] if trial.action.startswith("walking") else []
    whole = [t for load in loads for t in _contacts(load > LOADED)]
    if whole:
        found["contact time"] = float(np.mean(whole)) / trial.rate_hz
    return found


def _contacts(loaded: np.ndarray) -> list[int]:
    """Return the lengths, in frames, of the contacts that begin and end inside a trial."""
    steps = np.flatnonzero(np.diff(loaded.astype(int)))
    return [int(b - a) for a, b in pairwise(steps) if loaded[a + 1] and b - a > 10]


def compare_motion(made_up: DataFile, measured: DataFile) -> dict[str, Any]:
    """Compare two data files' motion action by action.

    For every figure: 5th, 50th and 95th percentile over the made-up trials, the measured trials' values, and the
    percentile of the made-up trials at which the measured median lies.

    Raises:
        DataError: the two files share no action.
    """
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for kind, data in (("made_up", made_up), ("measured", measured)):
        for trial in data:
            found.setdefault(trial.action, {}).setdefault(kind, []).append(figures(trial))
    actions = {}
    for action in ACTION_FAMILIES:
        both = found.get(action, {})
        if len(both) < 2:
            continue
        names = [n for n in both["measured"][0] if any(n in f for f in both["made_up"])]
        actions[action] = {
            "made_up_trials": len(both["made_up"]),
            "measured_trials": len(both["measured"]),
            "figures": {name: _place(both["made_up"], both["measured"], name) for name in names},
        }
    if not actions:
        raise DataError(
            f"{made_up.path} and {measured.path} have no action in common; give two files of people moving."
        )
    return {"format": FORMAT, "version": VERSION, "made_up": _source(made_up), "measured": _source(measured),
            "actions": actions}  # fmt: skip


def _source(data: DataFile) -> dict[str, Any]:
    subjects = {subject for subject, _ in data.trial_keys()}
    return {"file": data.path.name, "content_hash": data.content_hash, "people": len(subjects),
            "motion": sorted({trial.motion for trial in data})}  # fmt: skip


def _place(made_up: list[dict[str, float]], measured: list[dict[str, float]], name: str) -> dict[str, Any]:
    ours = np.array([f[name] for f in made_up if name in f])
    theirs = np.array([f[name] for f in measured if name in f])
    middle = float(np.median(theirs))
    low, median, high = np.percentile(ours, [5, 50, 95])
    return {
        "made_up": [round(float(v), 4) for v in (low, median, high)],
        "measured": [round(float(v), 4) for v in theirs],
        "percentile": round(float(100 * ((ours < middle).mean() + 0.5 * (ours == middle).mean())), 1),
    }


def motion_table(tables: Mapping[str, dict[str, Any]]) -> str:
    """Format comparisons in Markdown: a row for each action; the last columns are the gap of motion, if known."""
    rows = []
    for table in tables.values():
        gap = table.get("gap", {}).get("actions", {})
        for action, content in table["actions"].items():
            places = {name: figure["percentile"] for name, figure in content["figures"].items()}
            inside = sum(INSIDE[0] <= p <= INSIDE[1] for p in places.values())
            worst = sorted(
                (n for n, p in places.items() if not INSIDE[0] <= p <= INSIDE[1]), key=lambda n: abs(places[n] - 50)
            )
            errors = gap.get(action, {})
            rows.append(
                [action, content["made_up_trials"], content["measured_trials"], f"{inside} of {len(places)}",
                 ", ".join(f"{n} ({places[n]:.0f} %)" for n in worst[::-1][:4]) or "-",
                 *(f"{errors[k]:.3f}" if k in errors else "-" for k in ("mPJE_mean", "mean_torque", "zero_torque"))]
            )  # fmt: skip
    head = ["action", "made-up trials", "measured trials", "figures inside 5-95 %", "outside (percentile)",
            "gap of motion", "mean torque", "zero torque"]  # fmt: skip
    return tabulate(
        rows,
        headers=head,
        tablefmt="pipe",
        disable_numparse=True,
        colalign=("left", *["right"] * 3, "left", *["right"] * 3),
    )
