"""Entries: what the record keeps of a submission and its score."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from vidzoo.errors import DataError
from vidzoo.evaluation.comparison import Scored
from vidzoo.evaluation.results import UNITS
from vidzoo.evaluation.versions import NO_RECORDINGS
from vidzoo.leaderboard.bundle import Submission
from vidzoo.leaderboard.documents import (
    MAX_DOCUMENT_BYTES,
    Document,
    EntryId,
    Figure,
    Line,
    Name,
    Sha256,
    canonical,
    parse,
    read_bytes,
    read_document,
)

VERSION = 2


class Interval(Document):
    """95 %, see :mod:`vidzoo.evaluation.intervals`."""

    low: Figure
    high: Figure


class Row(Document):
    """The figures of some joints and trials; None where one is undefined."""

    mPJE_mean: Figure | None
    mPJE_sum: Figure | None
    lower_limb_mean: Figure | None = None
    RMSE: Figure | None
    percent_BWht: Figure | None
    pearson_r: Figure | None
    R2: Figure | None
    interval: Interval | None
    """Of mPJE_mean."""
    no_interval: Line | None
    """Why there is none."""
    labels: int
    trials: int


class Recording(Document):
    """The errors of one recording, for comparing entries."""

    subject: Line
    trial: Line
    labels: tuple[int, ...]
    """Of each joint, in the order of ``Scores.joint_order``: labels that count."""
    errors: tuple[Figure, ...]
    """N·m/kg, summed over them."""


class Scores(Document):
    """What scoring gives, of good labels unless it says otherwise."""

    overall: Row
    joint: dict[Name, Row]
    action: dict[Name, Row]
    all_labels: Row
    baselines: dict[Name, Row]
    baseline_joint: dict[Name, dict[Name, Figure | None]]
    """mPJE of each baseline and joint."""
    baseline_action: dict[Name, dict[Name, Figure | None]]
    samples: int
    images: tuple[Name, ...]
    unit: Literal["trial", "subject"] | None
    """What intervals are over; None in an entry of version 1."""
    joint_order: tuple[Name, ...] | None
    recordings: tuple[Recording, ...] | None

    def scored(self) -> Scored:
        """Return what a comparison needs."""
        recordings = None if self.recordings is None else [recording.model_dump() for recording in self.recordings]
        return Scored(self.overall.mPJE_mean, recordings, self.unit or "trial", list(self.joint_order or ()))


class Entry(Document):
    """One result of the record."""

    format: Literal["vid-leaderboard-entry"] = "vid-leaderboard-entry"
    version: Literal[2] = 2
    submitted: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
    submission: Submission
    card_sha256: Sha256
    benchmark_sha256: Sha256
    """Of the benchmark's file that it was scored with."""
    scorer: Line
    scores: Scores
    user: Name | None = None
    """Whose token it came with, on a server."""
    upload: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """The upload's number, which no other upload may have."""


@dataclass(frozen=True)
class Stored:
    """An entry and where it lies."""

    id: EntryId
    path: Path
    sha256: Sha256
    entry: Entry
    version: int
    """Of the file; one of version 1 is read as version 2, without intervals and recordings."""


def read_entry(path: Path) -> tuple[Entry, int]:
    """Read an entry's file; return it and the file's version.

    Raises:
        DataError: it is missing, too large, no entry, or changed by hand.
    """
    content = read_bytes(path, MAX_DOCUMENT_BYTES)
    try:
        found = json.loads(content)
        if found["version"] == 1:
            upgraded = canonical(_upgrade(found))
            if canonical(found) != content:
                raise DataError(f"{path}: is not written as this program writes it: it was changed by hand.")
            return parse(Entry, upgraded, str(path)), 1
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path}: is no entry of a leaderboard ({str(error)[:200]}).") from None
    return read_document(Entry, path), VERSION


def _upgrade(found: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of version 1 as one of version 2; its percentile intervals are dropped."""
    scores = found["scores"]

    def baselines(key: str) -> dict[str, Any]:
        return {("action_mean" if name == "family_mean" else name): value for name, value in scores[key].items()}

    def row(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "interval": None, "no_interval": NO_RECORDINGS}

    upgraded = {
        "overall": row(scores["overall"]),
        "joint": {name: row(value) for name, value in scores["joint"].items()},
        "action": {name: row(value) for name, value in scores["family"].items()},
        "all_labels": row(scores["all_labels"]),
        "baselines": {name: row(value) for name, value in baselines("floors").items()},
        "baseline_joint": baselines("floor_joint"),
        "baseline_action": baselines("floor_family"),
        "samples": scores["samples"],
        "images": scores["images"],
        "unit": None,
        "joint_order": None,
        "recordings": None,
    }
    return {**found, "version": VERSION, "scores": upgraded}


def without_intervals(scores: Scores) -> Scores:
    """Return scores as they are read from an entry of version 1."""

    def row(row: Row) -> Row:
        return row.model_copy(update={"interval": None, "no_interval": NO_RECORDINGS})

    return scores.model_copy(
        update={
            "overall": row(scores.overall),
            "all_labels": row(scores.all_labels),
            **{
                level: {name: row(value) for name, value in getattr(scores, level).items()}
                for level in ("joint", "action", "baselines")
            },
            "unit": None,
            "joint_order": None,
            "recordings": None,
        }
    )


def _row(row: dict[str, Any]) -> Row:
    bounds = row["ci95"]["mPJE_mean"]
    return Row(
        **{name: row.get(name) for name in UNITS},
        interval=Interval(low=bounds[0], high=bounds[1]) if bounds else None,
        no_interval=row["ci95"]["reason"],
        labels=row["labels"],
        trials=row["trials"],
    )


def trim(results: dict[str, Any]) -> Scores:
    """Return what the leaderboard keeps of :func:`vidzoo.evaluation.score.score`."""
    baselines = results["baselines"]

    def errors(level: str) -> dict[str, dict[str, float | None]]:
        return {name: {k: row["mPJE_mean"] for k, row in rows[level].items()} for name, rows in baselines.items()}

    return Scores(
        overall=_row(results["overall"]),
        joint={name: _row(row) for name, row in results["joint"].items()},
        action={name: _row(row) for name, row in results["action"].items()},
        all_labels=_row(results["all_labels"]["overall"]),
        baselines={name: _row(rows) for name, rows in baselines.items()},
        baseline_joint=errors("joint"),
        baseline_action=errors("action"),
        samples=results["counts"]["samples"],
        images=tuple(results["data"]["images"]),
        unit=results["interval"]["unit"],
        joint_order=tuple(results["joint"]),
        recordings=tuple(
            Recording(
                subject=recording["subject"],
                trial=recording["trial"],
                labels=tuple(recording["labels"]),
                errors=tuple(recording["errors"]),
            )
            for recording in results["recordings"]
        ),
    )
