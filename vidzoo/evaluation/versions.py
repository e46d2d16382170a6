"""Result files of version 1, read as version 2: other names, the same figures, no interval.

Version 1 calls baselines floors and actions families. Its intervals are percentile bootstraps, which hold the truth too
rarely; it keeps no errors of single recordings, so that none can be computed from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vidzoo.evaluation.intervals import MIN_UNITS, interval_section, too_few, unit_of

NO_RECORDINGS = "the file is of version 1, which keeps no errors of single recordings; test the model again"


def upgrade_results(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ``results.json`` of version 1 as one of version 2; every figure stays, ``recordings`` are None."""
    split, data = dict(found["split"]), dict(found["data"])
    data_hash = data.pop("vid_hash")
    untrained = split.pop("families_not_trained_on")
    unit = unit_of(split["protocol"], found["counts"]["subjects"])
    kept = ("scorer", "units", "counts", "provenance")
    return {
        "format": found["format"],
        "version": 2,
        **{key: found[key] for key in kept},
        **_section(found, unit),
        "all_labels": {
            **_section(found["all_labels"], unit),
            **{key: found["all_labels"][key] for key in ("left_out", "left_out_by_reason", "not_a_number")},
        },
        "split": {**split, "actions_not_trained_on": untrained},
        "data": {"data_hash": data_hash, **data},
        "interval": interval_section(unit),
    }


def _section(found: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Return the rows of a section, its baselines' and their values."""
    baselines = {name: {**_row(rows, unit), **_levels(rows, unit)} for name, rows in _renamed(found["floors"]).items()}
    return {
        "overall": _row(found["overall"], unit),
        **_levels(found, unit),
        "baselines": {name: {**rows, "recordings": None} for name, rows in baselines.items()},
        "baseline_values": _renamed(found["floor_values"]),
        "recordings": None,
    }


def _levels(found: Mapping[str, Any], unit: str) -> dict[str, Any]:
    return {
        "joint": {name: _row(row, unit) for name, row in found["joint"].items()},
        "action": {name: _row(row, unit) for name, row in found["family"].items()},
        "trial": {name: {"action": row["family"], **_row(row, unit)} for name, row in found["trial"].items()},
    }


def _row(row: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Return a row's figures, with the reason why it has no interval."""
    n = row[f"{unit}s"]
    interval = {
        "mPJE_mean": None,
        "mPJE_sum": None,
        "unit": unit,
        "n": n,
        "degrees_of_freedom": None,
        "reason": too_few(n, unit) if n < MIN_UNITS else NO_RECORDINGS,
    }
    kept = {name: value for name, value in row.items() if name not in ("joint", "family", "trial")}
    return {**kept, "ci95": interval}


def upgrade_ablation(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an ablation's file of version 1 as one of version 2."""
    kept = {name: value for name, value in found.items() if name not in ("floors", "sources")}
    return {
        **kept,
        "version": 2,
        "baselines": _renamed(found["floors"]),
        "sources": [
            {("data_hash" if name == "vid_hash" else name): value for name, value in source.items()}
            for source in found["sources"]
        ],
    }


def _renamed(baselines: Mapping[str, Any]) -> dict[str, Any]:
    return {("action_mean" if name == "family_mean" else name): value for name, value in baselines.items()}


UPGRADES: dict[tuple[str, int], Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    ("vid-results", 1): upgrade_results,
    ("vid-ablation", 1): upgrade_ablation,
}
"""(format, version) -> what makes the next version of it."""
