"""Comparing results that were scored on the same labels: the difference to the best, over the same units.

Each interval is of one pair. It is not widened for the number of pairs, nor for the best being chosen by the same
figures: among twenty models as good as the best, about one is told apart from it by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from tabulate import tabulate

from vidzoo.evaluation.intervals import Estimate, paired_difference, unit_sums, why_none
from vidzoo.evaluation.report import BASELINES, figure, interval


@dataclass(frozen=True)
class Scored:
    """What a comparison needs of a result."""

    mean: float | None
    """mPJE_mean, N·m/kg."""
    recordings: Sequence[Mapping[str, Any]] | None
    """``recordings`` of a section of results; None in those of version 1."""
    unit: str
    """``trial`` or ``subject``."""
    joints: Sequence[str]


def section_scored(section: Mapping[str, Any], unit: str) -> Scored:
    """Return what a comparison needs of a section of results, or of a baseline's rows."""
    row = section.get("overall", section)
    return Scored(row["mPJE_mean"], section["recordings"], unit, list(section["joint"]))


def difference(one: Scored, best: Scored) -> Estimate | str:
    """Estimate how much larger an mPJE_mean is than the best one, N·m/kg; or say why no interval can be given."""
    if one.recordings is None or best.recordings is None:
        which = "this one" if one.recordings is None else "the best one"
        return f"{which} is of version 1, which keeps no errors of single recordings"
    names, labels, errors = unit_sums(one.recordings, one.unit)
    best_names, best_labels, best_errors = unit_sums(best.recordings, one.unit)
    if names != best_names or one.joints != best.joints or ((labels > 0) != (best_labels > 0)).any():
        return "it was scored on other labels than the best"
    reason = why_none(labels, one.unit, one.joints)
    return reason if reason else paired_difference(errors, labels, best_errors, best_labels)


def told_apart(found: Estimate) -> bool:
    """Tell whether an interval leaves out zero."""
    return not found.low <= 0.0 <= found.high


def best_of(scored: Mapping[str, Scored]) -> str | None:
    """Return the name of the smallest mPJE_mean; None where none has any."""
    known = {name: one.mean for name, one in scored.items() if one.mean is not None}
    return min(known, key=lambda name: known[name]) if known else None


_HEADERS = (
    "run", "protocol", "motion", "images", "samples", "mPJE_mean", "95 % interval", "above the best",
    "all labels: mPJE_mean", "mPJE_sum", "lower limb", "RMSE", "R2", "parameters", "s per 1,000",
)  # fmt: skip


def comparison_table(results: Mapping[str, dict[str, Any]]) -> str:
    """Format the headlines of several results as a Markdown table, and notes: one row each, below both baselines.

    Results of one test subset stand together. ``above the best`` is the difference of mPJE_mean to the best of them
    with its paired interval, marked with ≈ where that holds zero. Parameters are all that the model was trained with;
    seconds are those of 1,000 predictions on the result's machine.

    Args:
        results: name of a run -> what ``results.json`` holds.
    """
    subsets: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for name, result in results.items():
        subsets.setdefault((result["split"]["hash"], result["data"]["data_hash"]), {})[name] = result
    missing: dict[tuple[str, str], list[str]] = {}
    rows = list(chain(*(_subset_rows(runs, missing) for runs in subsets.values())))
    align = ("left",) * 4 + ("right",) * 11
    table = tabulate(rows, _HEADERS, tablefmt="pipe", disable_numparse=True, colalign=align)
    notes = []
    if any("≈" in row[7] for row in rows):
        notes.append("≈ is not told apart from the best by the paired 95 % interval.")
    notes += [
        f"{what}{'' if len(names) == len(results) else ' for ' + ', '.join(names)}: {reason}."
        for (what, reason), names in missing.items()
    ]
    return f"{table}\n\nNotes: {' '.join(notes)}" if notes else table


def _subset_rows(runs: Mapping[str, dict[str, Any]], missing: dict[tuple[str, str], list[str]]) -> list[list[str]]:
    """Return the rows of both baselines and of the runs of one test subset.

    ``missing`` gets (what a run has not, why) -> names of runs.
    """
    unit = {name: run["interval"]["unit"] for name, run in runs.items()}
    scored = {name: section_scored(run, unit[name]) for name, run in runs.items()}
    best = best_of(scored)

    def above(one: Scored, name: str | None = None) -> str:
        if best is None or one.mean is None:
            return "-"
        if name == best:
            return "best"
        found = difference(one, scored[best])
        if isinstance(found, str):
            if name is not None and runs[name]["overall"]["ci95"]["reason"] is None:
                missing.setdefault(("No difference to the best", found), []).append(name)
            return "-"
        return f"{'' if told_apart(found) else '≈ '}{found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f})"

    first = best or next(iter(runs))
    result = runs[first]
    rows = []
    for baseline, label in BASELINES.items():
        section = result["baselines"][baseline]
        everything = result["all_labels"]["baselines"][baseline]
        cells = _headline(section, everything, "-", above(section_scored(section, unit[first])))
        rows.append([f"*{label}*", *_about(result), "", f"{result['counts']['samples']:,}", *cells, "", ""])
    for name, run in runs.items():
        overall, provenance = run["overall"], run["provenance"] or {}
        if overall["ci95"]["reason"]:
            missing.setdefault(("No interval", overall["ci95"]["reason"]), []).append(name)
        parameters, seconds = (provenance.get(key) for key in ("parameters", "seconds_per_1000_predictions"))
        cells = _headline(overall, run["all_labels"]["overall"], interval(overall), above(scored[name], name))
        seen = " and ".join(run["data"]["images"]) or "none"
        if run["split"]["protocol"] == "transfer" and run["data"]["images"]:
            seen = f"{' and '.join(run['data']['train_images'])} to {seen}"
        size = "-" if parameters is None else f"{parameters:,}"
        rows.append([name, *_about(run), seen, f"{run['counts']['samples']:,}", *cells, size, figure(seconds, 3)])
    return rows


def _about(result: Mapping[str, Any]) -> list[str]:
    """Return the cells of protocol and motion."""
    split = result["split"]
    return [split["protocol"] + (" (leaks)" if split["leaks"] else ""), " and ".join(result["data"]["motion"])]


def _headline(row: Mapping[str, Any], everything: Mapping[str, Any], bounds: str, above: str) -> list[str]:
    """Return the cells of a row's figures; ``everything`` is the row of all labels."""
    cells = [figure(row["mPJE_mean"], 3), bounds, above, figure(everything["mPJE_mean"], 3), figure(row["mPJE_sum"], 3)]
    return cells + [figure(row[name], digits) for name, digits in (("lower_limb_mean", 3), ("RMSE", 3), ("R2", 2))]
