"""The table: ranks, badges and figures of a store's entries, as JSON and as Markdown."""

from __future__ import annotations

import html
import json
import re
from collections import defaultdict
from typing import Any

from tabulate import tabulate

from vidzoo.evaluation.score import UNITS
from vidzoo.io.provenance import file_sha256
from vidzoo.leaderboard.benchmark import RANKED_BY, Benchmark
from vidzoo.leaderboard.documents import read_document
from vidzoo.leaderboard.entry import Stored
from vidzoo.leaderboard.store import Store

FORMAT = "vid-leaderboard-table"
VERSION = 1
BADGES = ("claimed", "rescored", "reproduced")
"""From the least: printed somewhere; predictions that this code has scored; trained again by others to the same end."""
REPRODUCED_WITHIN = 0.02
"""Of an entry's mPJE_mean: a rerun by others that is as near makes it 'reproduced'."""
FLOOR_NAMES = {"train_mean": "floor: training mean", "family_mean": "floor: family mean"}
CLAIMED_REMARK = "Claimed figures are printed in a publication, on its own data and split, and take no rank."


def modality(inputs: tuple[str, ...]) -> str:
    """Say in a word what a model sees."""
    kinds = [
        word
        for word, names in (
            ("images", ("frames",)),
            ("markers", ("markers", "marker_velocities", "marker_valid")),
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
        "all_labels": scores.all_labels.mPJE_mean,
        "joint": {name: row.mPJE_mean for name, row in scores.joint.items()},
        "family": {name: row.mPJE_mean for name, row in scores.family.items()},
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
        "family": claimed.family,
    }


def _floors(entries: list[Stored]) -> list[dict[str, Any]]:
    """Return the floors' rows; those of the first entry, for all are scored on the same labels."""
    if not entries:
        return []
    scores = entries[0].entry.scores
    return [
        {
            "model": label,
            "overall": {figure: getattr(scores.floors[name], figure) for figure in UNITS},
            "joint": scores.floor_joint[name],
            "family": scores.floor_family[name],
        }
        for name, label in FLOOR_NAMES.items()
    ]


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
                "floors": _floors(entries),
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


def plain(text: str) -> str:
    """Return a stranger's text for a Markdown table: nothing in it is markup, and it is not too long."""
    text = text if len(text) <= 60 else text[:59] + "…"
    return re.sub(r"[\\`*_{}\[\]()#+!|~$@:-]", r"\\\g<0>", html.escape(text, quote=False))


def dump_markdown(table: dict[str, Any]) -> bytes:
    """Return ``TABLE.md``'s content: for each benchmark with rows one table, best first, floors and claims below."""

    def number(value: float | None, digits: int = 4) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    parts = [
        "# Leaderboard",
        "Written by `tools/leaderboard.py render`; not to be edited. N·m/kg, good labels; lower is better but for "
        f"R2. *rescored*: this project scored the predictions. {CLAIMED_REMARK} [The page](index.html) says more.",
    ]
    for benchmark in table["benchmarks"]:
        rows = [row for row in benchmark["rows"] if not row.get("superseded_by")]
        if not rows:
            continue
        parts.append(f"## {benchmark['id']}")
        note = f"{benchmark['rule']} Motion: {benchmark['motion']}."
        parts.append(note + (" **Leaks**: comparable with no other protocol." if benchmark["leaks"] else ""))
        lines = []
        for row in rows + benchmark["floors"]:
            overall, interval = row["overall"], row.get("interval")
            model = plain(row["model"])
            lines.append(
                [
                    row.get("rank") or "",
                    f"[{model}]({row['card']})" if row.get("card") else (model if row.get("badge") else f"*{model}*"),
                    number(overall["mPJE_mean"]),
                    f"{interval[0]:.4f}-{interval[1]:.4f}" if interval else "-",
                    number(overall["mPJE_sum"]),
                    number(overall["lower_limb_mean"]),
                    number(overall["RMSE"]),
                    number(overall["R2"], 2),
                    " + ".join([row["modality"], *row["images"]]) if row.get("modality") else "",
                    row.get("badge", ""),
                ]
            )
        headers = ["rank", "model", "mPJE_mean", "95 %", "mPJE_sum", "lower limb", "RMSE", "R2", "sees", "badge"]
        parts.append(
            tabulate(
                lines,
                headers,
                tablefmt="pipe",
                disable_numparse=True,
                colalign=("right", "left", *["right"] * 6, "left", "left"),
            )
        )
        parts += [
            f"{plain(row['model'])}: {row['source']}. {row['remark']}" for row in rows if row["badge"] == "claimed"
        ]
    if len(parts) == 2:
        parts.append("No entry yet.")
    return ("\n\n".join(parts) + "\n").encode()
