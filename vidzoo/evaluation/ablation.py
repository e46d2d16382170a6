"""One table of several configs, each run with several seeds: mean and spread of the headline's figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from vidzoo import __version__
from vidzoo.errors import DataError
from vidzoo.evaluation.report import BASELINES, data_line
from vidzoo.evaluation.results import UNITS, read_results
from vidzoo.io.atomic import atomic_path
from vidzoo.io.provenance import file_sha256

FORMAT = "vid-ablation"
VERSION = 2
FIGURES: tuple[str, ...] = ("mPJE_mean", "mPJE_sum", "lower_limb_mean", "RMSE", "R2")
"""What the table shows, over the good labels, as in a result file's ``overall``."""

Run = tuple[str, int]
"""A config's name and a seed."""


def run_folder(work_dir: str | Path, run: Run) -> Path:
    """Return the folder of one run, which its ``results.json`` ends up in."""
    return Path(work_dir) / run[0] / f"seed_{run[1]}"


def mean_and_spread(values: Sequence[float | None]) -> dict[str, Any]:
    """Return ``mean`` and ``std`` of one figure over seeds.

    The spread is the sample standard deviation (n - 1), which a single seed does not have: None. So is everything
    where a value is undefined, for a mean over other seeds than its neighbours' would not be comparable.
    """
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return {"mean": None, "std": None}
    return {"mean": float(np.mean(known)), "std": float(np.std(known, ddof=1)) if len(known) > 1 else None}


def summarise(names: Sequence[str], seeds: Sequence[int], outcomes: Mapping[Run, dict[str, Any] | str]) -> dict:
    """Summarise runs: one row for each name, in that order.

    Args:
        names: of the configs.
        seeds: of the runs; those without an outcome were not run.
        outcomes: what a run's ``results.json`` holds, or the sentence that says why there is none.
    """
    rows = []
    for name in names:
        done = {seed: found for seed in seeds if isinstance(found := outcomes.get((name, seed), "not run"), dict)}
        row: dict[str, Any] = {"name": name, "seeds": list(done)}
        for figure in FIGURES:
            values = [results["overall"][figure] for results in done.values()]
            row[figure] = {**mean_and_spread(values), "values": values}
        row["failed"] = {str(s): str(outcomes.get((name, s), "not run")) for s in seeds if s not in done}
        rows.append(row)
    finished = [results for results in outcomes.values() if isinstance(results, dict)]
    ground = {(r["split"]["hash"], r["data"]["data_hash"], r["overall"]["joints"]) for r in finished}
    return {
        "format": FORMAT,
        "version": VERSION,
        "scorer": f"vidzoo {__version__}",
        "units": {name: UNITS[name] for name in FIGURES},
        "spread": "sample standard deviation over seeds (n - 1)",
        "rows": rows,
        "baselines": {
            name: {figure: finished[0]["baselines"][name][figure] for figure in FIGURES} if len(ground) == 1 else None
            for name in BASELINES
        },
        "comparable": len(ground) <= 1,
        "data": data_line(finished[0]) if finished else None,
    }


def collect(
    work_dir: str | Path, names: Sequence[str], seeds: Sequence[int], failures: Mapping[Run, str] | None = None
) -> dict[str, Any]:
    """Read the result files of an ablation and summarise them; ``sources`` says where each figure comes from.

    Args:
        work_dir: as in :func:`run_folder`.
        names: of the configs.
        seeds: of the runs.
        failures: run -> the sentence that says why it has no result.
    """
    outcomes: dict[Run, dict[str, Any] | str] = dict(failures or {})
    sources = []
    for run in ((name, seed) for name in names for seed in seeds):
        path = run_folder(work_dir, run) / "results.json"
        if run in outcomes or not path.is_file():
            continue
        try:
            results = read_results(path)
        except DataError as error:
            outcomes[run] = str(error)
            continue
        outcomes[run] = results
        sources.append(
            {
                "name": run[0],
                "seed": run[1],
                "file": path.relative_to(work_dir).as_posix(),
                "sha256": file_sha256(path),
                "split": results["split"]["hash"],
                "data_hash": results["data"]["data_hash"],
                "provenance": results["provenance"],
            }
        )
    return {**summarise(names, seeds, outcomes), "sources": sources}


def write_ablation(path: str | Path, table: dict[str, Any]) -> None:
    """Write what :func:`collect` returns as JSON, under a temporary name first.

    Raises:
        DataError: the folder does not exist, or ``path`` cannot be written.
    """
    text = json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _cell(figure: Mapping[str, Any]) -> str:
    if figure["mean"] is None:
        return "-"
    return f"{figure['mean']:.4f}" + ("" if figure["std"] is None else f" ± {figure['std']:.4f}")


def ablation_table(table: dict[str, Any]) -> str:
    """Format each config's mean ± spread over its seeds, and both baselines, as a Markdown table."""
    headers = ["config", "seeds", *("lower limb" if name == "lower_limb_mean" else name for name in FIGURES)]
    rows = [[row["name"], str(len(row["seeds"])), *(_cell(row[figure]) for figure in FIGURES)] for row in table["rows"]]
    for name, figures in table["baselines"].items():
        if figures:
            rows.append([BASELINES[name], "", *(_cell({"mean": figures[figure], "std": None}) for figure in FIGURES)])
    align = ("left", *("right" for _ in headers[1:]))
    return tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True, colalign=align)


def format_ablation(table: dict[str, Any]) -> str:
    """Format the table, what its data are, and what has failed."""
    lines = [table["data"] or "no run has a result yet"]
    if not table["comparable"]:
        lines.append("NOT COMPARABLE: these runs are of different splits, files or joints.")
    lines.append(ablation_table(table))
    lines.append("mean ± sample standard deviation over seeds, good labels; mPJE and RMSE in N·m/kg.")
    for row in table["rows"]:
        lines += [f"no result: {row['name']}, seed {seed}: {reason}" for seed, reason in row["failed"].items()]
    return "\n".join(lines)
