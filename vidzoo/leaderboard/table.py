"""The table: ranks, badges and figures of a store's entries, as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from vidzoo.evaluation.comparison import difference, told_apart
from vidzoo.evaluation.report import BASELINES
from vidzoo.evaluation.results import UNITS
from vidzoo.io.provenance import file_sha256
from vidzoo.leaderboard.benchmark import RANKED_BY, Benchmark
from vidzoo.leaderboard.documents import read_document
from vidzoo.leaderboard.entry import Scores, Stored
from vidzoo.leaderboard.store import Store

FORMAT = "vid-leaderboard-table"
VERSION = 2
VERSIONS = (1, VERSION)
"""Whose ranks and figures :mod:`vidzoo.leaderboard.compare` reads."""
BADGES = ("claimed", "rescored", "reproduced")
"""From the least: printed somewhere; predictions that this code has scored; trained again by others to the same end."""
REPRODUCED_WITHIN = 0.02
"""Of an entry's mPJE_mean: a rerun by others that is as near makes it 'reproduced'."""
CLAIMED_REMARK = "Claimed figures are printed in a publication, on its own data and split, and take no rank."


def modality(inputs: tuple[str, ...]) -> str:
    """Say in a word what a model sees."""
    kinds = [
        word
        for word, names in (
            ("images", ("frames",)),
            ("markers", ("markers", "marker_velocities", "marker_valid")),
            ("landmarks", ("landmarks", "landmarks_world")),
            ("kinematics", ("coordinates", "coordinate_velocities")),
        )
        if set(names) & set(inputs)
    ]
    return " + ".join(kinds) or "not stated"


def is_reproduced(stored: Stored, others: list[Stored]) -> bool:
    """Tell whether other authors trained an entry's model again and came as near as ``REPRODUCED_WITHIN``."""
    mine = stored.entry.scores.overall.mPJE_mean
    for other in others:
        theirs = other.entry.scores.overall.mPJE_mean
        if (
            other.entry.submission.reproduces == stored.id
            and mine is not None
            and theirs is not None
            and abs(theirs - mine) <= REPRODUCED_WITHIN * mine
        ):
            return True
    return False


def _entry_row(stored: Stored, reproduced: bool, superseded_by: str | None) -> dict[str, Any]:
    entry, submission, scores = stored.entry, stored.entry.submission, stored.entry.scores
    interval = scores.overall.interval
    return {
        "id": stored.id,
        "sha256": stored.sha256,
        "rank": None,
        "model": submission.model,
        "badge": "reproduced" if reproduced else "rescored",
        "authors": list(submission.authors),
        "licence": submission.licence,
        "submitted": entry.submitted,
        "inputs": list(submission.inputs),
        "modality": modality(submission.inputs),
        "images": list(scores.images) if "frames" in submission.inputs else [],
        "parameters": submission.parameters,
        "seconds_per_1000_predictions": submission.seconds_per_1000_predictions,
        "commit": submission.commit,
        "checkpoint_sha256": submission.checkpoint_sha256,
        "seed": submission.seed,
        "remark": submission.remark,
        "card": f"cards/{entry.card_sha256}.md",
        "predictions": f"predictions/{submission.predictions_sha256}.npz",
        "entry": stored.path.relative_to(stored.path.parents[3]).as_posix(),
        "supersedes": submission.supersedes,
        "superseded_by": superseded_by,
        "reproduces": submission.reproduces,
        "overall": {name: getattr(scores.overall, name) for name in UNITS},
        "interval": [interval.low, interval.high] if interval else None,
        "no_interval": scores.overall.no_interval,
        "above_best": None,
        "not_compared": None,
        "all_labels": scores.all_labels.mPJE_mean,
        "joint": {name: row.mPJE_mean for name, row in scores.joint.items()},
        "action": {name: row.mPJE_mean for name, row in scores.action.items()},
    }


def _claimed_row(claimed: Any) -> dict[str, Any]:
    return {
        "id": None,
        "rank": None,
        "model": claimed.model,
        "badge": "claimed",
        "source": claimed.source,
        "remark": claimed.remark,
        "overall": {name: claimed.overall.get(name) for name in UNITS},
        "joint": claimed.joint,
        "action": claimed.family,
    }


def _baselines(entries: list[Stored]) -> list[dict[str, Any]]:
    """Return the baselines' rows; those of the first entry, for all are scored on the same labels."""
    if not entries:
        return []
    scores = entries[0].entry.scores
    return [
        {
            "model": label,
            "overall": {figure: getattr(scores.baselines[name], figure) for figure in UNITS},
            "joint": scores.baseline_joint[name],
            "action": scores.baseline_action[name],
        }
        for name, label in BASELINES.items()
    ]


def _compare_to_best(active: list[dict[str, Any]], scores: dict[str, Scores]) -> None:
    """Put into each ranked row but the first how much larger its mPJE_mean is than the first one's, or why not."""
    if not active or active[0]["overall"][RANKED_BY] is None:
        return
    best = scores[active[0]["id"]].scored()
    for row in active[1:]:
        found = difference(scores[row["id"]].scored(), best) if row["overall"][RANKED_BY] is not None else "no figure"
        if isinstance(found, str):
            row["not_compared"] = found
        else:
            bounds = {"value": found.value, "low": found.low, "high": found.high}
            row["above_best"] = {**bounds, "told_apart": told_apart(found)}


def build_table(store: Store) -> dict[str, Any]:
    """Return the table of all of a store's benchmarks; it depends on nothing but the record.

    Active entries are ranked by mPJE_mean, the smallest first; equal ones share a rank. Superseded and claimed ones
    stand without.

    Raises:
        DataError: a file of the record is broken.
    """
    by_benchmark: dict[str, list[Stored]] = defaultdict(list)
    for stored in store.entries():
        by_benchmark[stored.entry.submission.benchmark].append(stored)
    benchmarks = []
    for path in store.benchmark_paths():
        benchmark = read_document(Benchmark, path)
        entries = by_benchmark.pop(benchmark.id, [])
        superseded = {e.entry.submission.supersedes: e.id for e in entries if e.entry.submission.supersedes}
        rows = [_entry_row(e, is_reproduced(e, entries), superseded.get(e.id)) for e in entries]
        rows.sort(key=lambda row: (_figure(row), row["submitted"], row["id"]))
        active = [row for row in rows if row["superseded_by"] is None]
        for place, (before, row) in enumerate(zip([None, *active], active), start=1):
            row["rank"] = before["rank"] if before and _figure(before) == _figure(row) else place
        _compare_to_best(active, {e.id: e.entry.scores for e in entries})
        benchmarks.append(
            {
                "id": benchmark.id,
                "sha256": file_sha256(path),
                "name": benchmark.name,
                "protocol": benchmark.protocol,
                "rule": benchmark.rule,
                "motion": benchmark.data.motion,
                "source": benchmark.data.source,
                "waiting": benchmark.split is None,
                "leaks": benchmark.split.leaks if benchmark.split else benchmark.protocol == "random_frame",
                "joints": list(benchmark.joints),
                "metrics": {name: metric.model_dump() for name, metric in benchmark.metrics.items()},
                "baselines": _baselines(entries),
                "rows": active
                + [row for row in rows if row["superseded_by"]]
                + list(map(_claimed_row, benchmark.claimed)),
            }
        )
    return {"format": FORMAT, "version": VERSION, "ranked_by": RANKED_BY, "benchmarks": benchmarks}


def _figure(row: dict[str, Any]) -> float:
    value = row["overall"][RANKED_BY]
    return float("inf") if value is None else value


def dump_table(table: dict[str, Any]) -> bytes:
    """Return ``table.json``'s content."""
    return json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def reasons_for_none(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return why rows have no interval -> their models."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.get("no_interval"):
            reasons.setdefault(row["no_interval"], []).append(row["model"])
    return reasons
