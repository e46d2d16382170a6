"""Make the table and the pictures of this project from its result files.

    python projects/made_up_people/figures.py docs/results/made_up --table projects/made_up_people/README.md \
        --picture docs/images/made_up_people.png

A result file is ``vidzoo test``'s, called ``SETTING_seed0.json``. The figures are mPJE_mean, N·m/kg, over good labels.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from vidzoo.evaluation.results import read_results
from vidzoo.io.atomic import atomic_path

ACTIONS = ("squats", "squatsAsym", "STS", "STSweakLegs", "walking", "walkingTS", "DJ", "DJAsym")
MARK = re.compile(r"(<!-- figures: ([\w* ]+?) -->\n\n)((?:\|[^\n]*\n)*)")
CURVES = {
    "made-up people": {3: "people3", 6: "people6", 12: "people12", 23: "people23"},
    "places from which each of 12 people is seen": {1: "cameras1", 2: "people12"},
}
"""What is varied -> number: setting."""


def errors_of(rows: list[dict[str, Any]], action: str, trials: dict[str, str]) -> float | None:
    """Return mPJE_mean over the recordings of an action; None where there is none."""
    chosen = [row for row in rows if trials[row["trial"]] == action]
    if not chosen:
        return None
    labels = np.sum([row["labels"] for row in chosen], axis=0)
    errors = np.sum([row["errors"] for row in chosen], axis=0)
    known = labels > 0
    return float((errors[known] / labels[known]).mean())


def action_of(trial: str) -> str:
    """Return a trial's action: its name without the number."""
    return re.sub(r"\d+$", "", trial)


def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the results of each setting, one for each seed."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(folder.glob("*_seed*.json")):
        found[path.stem.rsplit("_seed", 1)[0]].append(read_results(path))
    return dict(found)


def row_of(runs: list[dict[str, Any]], baseline: str | None = None) -> dict[str, list[float]]:
    """Return action -> the error of each seed, of the model or of a baseline."""
    row: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        rows = (run if baseline is None else run["baselines"][baseline])["recordings"]
        trials = {one["trial"]: action_of(one["trial"]) for one in rows}
        for action in ACTIONS:
            if (error := errors_of(rows, action, trials)) is not None:
                row[action].append(error)
    return row


def cell(errors: list[float]) -> str:
    """Format the mean over seeds, and their range where there are several."""
    if not errors:
        return ""
    spread = f" ({min(errors):.3f}-{max(errors):.3f})" if len(errors) > 1 and np.ptp(errors) > 5e-4 else ""
    return f"{np.mean(errors):.3f}{spread}"


def table(results: dict[str, list[dict[str, Any]]], names: list[str]) -> str:
    """Format a table of settings: a row for each, below those of the baselines of the same test."""
    rows, shown = [], [a for a in ACTIONS if any(row_of(results[n])[a] for n in names)]
    told: dict[str, None] = {}
    for name in names:
        for baseline, label in (("train_mean", "training mean"), ("action_mean", "action mean")):
            cells = [cell(row_of(results[name][:1], baseline)[action]) for action in shown]
            if (line := f"{label} {cells}") not in told:
                told[line] = None
                rows.append([f"*baseline: {label}*", "", *cells])
        rows.append([name, len(results[name]), *(cell(row_of(results[name])[action]) for action in shown)])
    return tabulate(rows, headers=["trained on", "seeds", *shown], tablefmt="pipe", disable_numparse=True)


def fill(text: str, results: dict[str, list[dict[str, Any]]]) -> str:
    """Return a document with the tables below its marks ``<!-- figures: SETTING ... -->`` made again."""

    def made(found: re.Match[str]) -> str:
        return f"{found[1]}{table(results, found[2].split())}\n" + ("" if found[3] else "\n")

    return MARK.sub(made, text)


def draw_curves(results: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Draw error against the number of made-up people and of cameras: mean over seeds, and each seed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(CURVES), figsize=(11, 4.2), sharey=True)
    for axis, (what, settings) in zip(axes, CURVES.items()):
        for colour, action in enumerate(ACTIONS):
            points = {n: row_of(results.get(f"{name}_full", []))[action] for n, name in settings.items()}
            points = {n: errors for n, errors in points.items() if errors}
            means = [float(np.mean(errors)) for errors in points.values()]
            axis.plot(list(points), means, "-o", color=f"C{colour}", label=action, markersize=4)
            for n, errors in points.items():
                axis.plot([n] * len(errors), errors, ".", color=f"C{colour}", alpha=0.4, markersize=4)
        axis.set_xscale("log")
        axis.set_xticks(list(settings), [str(n) for n in settings])
        axis.minorticks_off()
        axis.set_xlabel(what)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("mPJE_mean, N·m/kg, good labels")
    axes[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.suptitle("Learnt from made-up people alone, tested on measured motion in rendered pictures")
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def main() -> None:
    """Read the arguments and make what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of the result files")
    parser.add_argument("--table", type=Path, metavar="MD", help="document whose tables are made again")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="picture of the errors against people and cameras")
    args = parser.parse_args()
    results = read(args.results)
    if args.table:
        text = fill(args.table.read_text(encoding="utf-8"), results)
        with atomic_path(args.table) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if args.picture:
        draw_curves(results, args.picture)


if __name__ == "__main__":
    main()
