"""Entries: what the record keeps of a submission and its score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from vidzoo.evaluation.score import UNITS
from vidzoo.leaderboard.bundle import Submission
from vidzoo.leaderboard.documents import Document, EntryId, Figure, Line, Name, Sha256


class Interval(Document):
    """95 %, bootstrap."""

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
    labels: int
    trials: int


class Scores(Document):
    """What scoring gives, of good labels unless it says otherwise."""

    overall: Row
    joint: dict[Name, Row]
    family: dict[Name, Row]
    all_labels: Row
    floors: dict[Name, Row]
    floor_joint: dict[Name, dict[Name, Figure | None]]
    """mPJE of each floor and joint."""
    floor_family: dict[Name, dict[Name, Figure | None]]
    samples: int
    images: tuple[Name, ...]


class Entry(Document):
    """One result of the record."""

    format: Literal["vid-leaderboard-entry"] = "vid-leaderboard-entry"
    version: Literal[1] = 1
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


def _row(row: dict[str, Any]) -> Row:
    bounds = (row.get("ci95") or {}).get("mPJE_mean")
    return Row(
        **{name: row.get(name) for name in UNITS},
        interval=Interval(low=bounds[0], high=bounds[1]) if bounds else None,
        labels=row["labels"],
        trials=row["trials"],
    )


def trim(results: dict[str, Any]) -> Scores:
    """Return what the leaderboard keeps of :func:`vidzoo.evaluation.score.score`."""
    floors = results["floors"]

    def errors(level: str) -> dict[str, dict[str, float | None]]:
        return {floor: {k: row["mPJE_mean"] for k, row in rows[level].items()} for floor, rows in floors.items()}

    return Scores(
        overall=_row(results["overall"]),
        joint={name: _row(row) for name, row in results["joint"].items()},
        family={name: _row(row) for name, row in results["family"].items()},
        all_labels=_row(results["all_labels"]["overall"]),
        floors={name: _row(rows) for name, rows in floors.items()},
        floor_joint=errors("joint"),
        floor_family=errors("family"),
        samples=results["counts"]["samples"],
        images=tuple(results["data"]["images"]),
    )
