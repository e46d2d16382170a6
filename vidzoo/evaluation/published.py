"""The figures that the VID paper prints (Tables 2-6 and 9), as data: nine subjects, licensed, its own split.

They are quoted beside a result for scale and are comparable with figures on the same data alone.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib.resources import files

from vidzoo.anatomy import ACTION_FAMILIES, BENCHMARK_JOINTS, action_family

METHODS: tuple[str, ...] = ("Dino", "ImDy", "VID-Network")
SUM_REMARK = (
    "The paper prints 1.7612 for VID-Network (Tables 2, 5 and 9), but the joints of its Table 3 add up to 1.6657; "
    "the difference is unexplained. Those of Dinovitzer et al. (its 'Dino') add up to 2.9503 (printed 2.9493), ImDy's "
    "to 2.9262 (printed the same)."
)
DATA_REMARK = "Published figures are on the paper's nine-subject licensed data and are not comparable with other data."


@lru_cache
def _table(name: str) -> tuple[dict[str, str], ...]:
    with (files("vidzoo.evaluation") / "published" / name).open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def overall() -> dict[str, dict[str, float]]:
    """Return Table 2 per method: ``mPJE_sum`` as printed, and ``mPJE_mean`` = sum / 11."""
    sums = {row["method"]: float(row["mPJE_sum_Nm_per_kg"]) for row in _table("table2_overall.csv")}
    return {name: {"mPJE_sum": total, "mPJE_mean": total / len(BENCHMARK_JOINTS)} for name, total in sums.items()}


def joints() -> dict[str, dict[str, float]]:
    """Return Table 3, joint -> method -> mPJE_joint in N·m/kg."""
    return {row["joint"]: {m: float(row[m]) for m in METHODS} for row in _table("table3_joint.csv")}


def trials() -> dict[str, dict[str, float]]:
    """Return Table 4, trial as the paper names it -> method -> mPJE_action in N·m/kg."""
    return {row["action"]: {m: float(row[m]) for m in METHODS} for row in _table("table4_action.csv")}


def families() -> dict[str, dict[str, float]]:
    """Return Table 4 by action family: the plain mean over each family's trials."""
    rows: dict[str, list[dict[str, float]]] = {family: [] for family in ACTION_FAMILIES}
    for name, row in trials().items():
        family = action_family(name)
        if family is not None:
            rows[family].append(row)
    return {f: {m: sum(row[m] for row in found) / len(found) for m in METHODS} for f, found in rows.items()}


def trials_in_order(family: str) -> list[dict[str, float]]:
    """Return Table 4's rows of one family in the paper's order: its trial numbers differ from a subject's own."""
    return [row for name, row in trials().items() if action_family(name) == family]


def ablation() -> list[dict[str, float]]:
    """Return Table 5: ``pose_estimator_pretrained`` and ``marker_regressor`` (0 or 1) and ``mPJE_sum``."""
    return [
        {
            "pose_estimator_pretrained": float(row["pose_estimator_pretrained"]),
            "marker_regressor": float(row["marker_regressor"]),
            "mPJE_sum": float(row["mPJE_sum_Nm_per_kg"]),
        }
        for row in _table("table5_ablation.csv")
    ]


def frames() -> dict[str, dict[str, int]]:
    """Return Table 6, trial -> subject -> number of frames at 100 Hz."""
    rows = _table("table6_frames.csv")
    return {row["trial"]: {s: int(n) for s, n in row.items() if s != "trial"} for row in rows}


def windows() -> dict[int, float]:
    """Return Table 9, window length T -> mPJE_sum in N·m/kg."""
    return {int(row["window"]): float(row["mPJE_sum_Nm_per_kg"]) for row in _table("table9_window.csv")}
