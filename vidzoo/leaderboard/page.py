"""The page: one HTML file with everything in it, for any browser, without network.

Its security policy allows the one style and the one script that it carries, by their hashes, and nothing else; whatever
submitters wrote is escaped by Jinja2. Without JavaScript it shows all tables; with it they can be sorted and filtered.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from vidzoo.leaderboard.markdown import dump_markdown
from vidzoo.leaderboard.store import Store
from vidzoo.leaderboard.table import (
    BADGES,
    CLAIMED_REMARK,
    REPRODUCED_WITHIN,
    build_table,
    dump_table,
    reasons_for_none,
)

JOINT_LABELS = {
    "hip_flexion": "hip flexion", "knee_angle": "knee", "ankle_angle": "ankle", "lumbar_extension": "lumbar extension",
    "arm_flex": "shoulder flexion", "elbow_flex": "elbow flexion",
}  # fmt: skip
"""In the order of the picture: from the hip down, then up."""


@dataclass(frozen=True)
class Cell:
    """What a cell of a table shows, and the number or word that it is sorted by; '' is undefined and comes last."""

    text: str
    value: str | float = ""
    best: bool = False


@dataclass(frozen=True)
class Column:
    """The head of a column."""

    label: str
    hint: str = ""
    numeric: bool = True


def _number(value: float | None, digits: int = 4, suffix: str = "") -> Cell:
    if value is None:
        return Cell("–")
    return Cell(f"{value:,.{digits}f}{suffix}", round(value, 9))


def _word(text: str | None) -> Cell:
    return Cell(text or "–", (text or "").lower())


def joint_label(name: str) -> str:
    """Return a joint's name for readers, such as ``knee, right``."""
    stem, side = (name[:-2], {"_r": ", right", "_l": ", left"}[name[-2:]]) if name[-2:] in ("_r", "_l") else (name, "")
    return f"{JOINT_LABELS.get(stem, stem)}{side}"


OVERALL = (
    Column("rank"),
    Column("model", numeric=False),
    Column("mPJE_mean", "N·m/kg, mean over the 11 joints, good labels; lower is better; ranks"),
    Column("95 %", "interval of mPJE_mean over trials, or over people", numeric=False),
    Column("above best", "N·m/kg more than the best entry"),
    Column("95 % of that", "paired interval; ≈: holds 0, not told apart from the best", numeric=False),
    Column("above best, %", "more than the best entry, in % of it"),
    Column("of training mean", "share of the training-mean baseline's error; below 1 has learnt something"),
    Column("of action mean", "share of the action-mean baseline's error"),
    Column("mPJE_sum", "N·m/kg, summed over joints; lower is better"),
    Column("lower limb", "N·m/kg, mean over hips, knees and ankles; lower is better"),
    Column("RMSE", "N·m/kg; lower is better"),
    Column("% BW·ht", "% of body weight x height; lower is better"),
    Column("r", "Pearson's; higher is better"),
    Column("R²", "higher is better"),
    Column("all labels", "mPJE_mean, N·m/kg, of all labels, good or not"),
    Column("sees", "what the model is given", numeric=False),
    Column("parameters"),
    Column("s per 1,000", "seconds per 1,000 predictions, on the submitter's machine"),
    Column("badge", "claimed < rescored < reproduced"),
    Column("authors", numeric=False),
    Column("date", numeric=False),
    Column("licence", numeric=False),
)


def _overall_cells(row: dict[str, Any], best: float | None, baselines: dict[str, float | None]) -> list[Cell]:
    """Return an entry's, a baseline's or a claimed row's cells, in the order of OVERALL."""
    overall, interval = row["overall"], row.get("interval")
    mean = overall["mPJE_mean"]

    def share(baseline: float | None) -> float | None:
        return mean / baseline if mean is not None and baseline and row.get("badge") != "claimed" else None

    more = mean - best if mean is not None and best is not None and row.get("badge") != "claimed" else None
    sees = " + ".join([row["modality"], *row["images"]]) if row.get("modality") else ""
    badge = row.get("badge", "")
    return [
        _number(row.get("rank"), 0),
        _word(row["model"]),
        _number(mean),
        Cell(f"{interval[0]:.4f} to {interval[1]:.4f}", interval[0]) if interval else Cell("–"),
        _number(more),
        _above(row.get("above_best")),
        _number(100 * more / best if more is not None and best else None, 1),
        _number(share(baselines.get("train_mean")), 2),
        _number(share(baselines.get("action_mean")), 2),
        _number(overall["mPJE_sum"], 3),
        _number(overall["lower_limb_mean"]),
        _number(overall["RMSE"]),
        _number(overall["percent_BWht"], 3),
        _number(overall["pearson_r"], 3),
        _number(overall["R2"], 3),
        _number(row.get("all_labels")),
        _word(sees),
        _number(row.get("parameters"), 0),
        _number(row.get("seconds_per_1000_predictions"), 3),
        Cell(badge or "–", BADGES.index(badge) if badge else ""),
        _word(", ".join(row.get("authors", ()))),
        Cell(row["submitted"][:10], row["submitted"]) if row.get("submitted") else Cell("–"),
        _word(row.get("licence")),
    ]


def _above(above: dict[str, Any] | None) -> Cell:
    """Return the interval of a row's difference to the best."""
    if above is None:
        return Cell("–")
    mark = "" if above["told_apart"] else "≈ "
    return Cell(f"{mark}{above['low']:+.4f} to {above['high']:+.4f}", round(above["low"], 9))


def _forest(row: dict[str, Any], baselines: list[float], scale: float) -> dict[str, Any] | None:
    """Return where a row's mPJE_mean, its interval and the baselines lie on an axis of 160 units."""
    mean = row["overall"]["mPJE_mean"]
    if mean is None:
        return None
    low, high = row.get("interval") or (mean, mean)
    x = [round(160 * min(value / scale, 1.0), 1) for value in (mean, low, high)]
    return {
        "x": x[0],
        "low": x[1],
        "width": round(x[2] - x[1], 1),
        "baselines": [round(160 * value / scale, 1) for value in baselines],
    }


def _level(rows: list[dict[str, Any]], level: str, names: list[str]) -> list[list[Cell]]:
    """Return the cells of the joint or the action table, the best ranked entry of each column marked."""
    best = {
        name: min((r[level][name] for r in rows if r.get("rank") and r[level].get(name) is not None), default=None)
        for name in names
    }
    cells = []
    for row in rows:
        figures = [row[level].get(name) for name in names]
        marks = [bool(row.get("rank")) and f is not None and f == best[name] for name, f in zip(names, figures)]
        shown = [_number(figure) for figure in figures]
        cells.append([Cell(cell.text, cell.value, mark) for cell, mark in zip(shown, marks)])
    return cells


def _bars(
    row: dict[str, Any], baselines: list[dict[str, Any]], joints: list[str], scale: float
) -> list[dict[str, Any]]:
    """Return a bar for each joint on an axis of 300 units, the baselines as ticks."""
    bars = []
    for y, joint in enumerate(joints):
        value = row["joint"].get(joint)
        bars.append(
            {
                "y": 22 * y,
                "label": joint_label(joint),
                "text": "–" if value is None else f"{value:.3f}",
                "width": 0 if value is None else round(300 * value / scale, 1),
                "baselines": [round(300 * (one["joint"].get(joint) or 0) / scale, 1) for one in baselines],
            }
        )
    return bars


def _view(benchmark: dict[str, Any], number: int) -> dict[str, Any]:
    """Return what the template shows of a benchmark."""
    rows, baselines = benchmark["rows"], benchmark["baselines"]
    baseline_means = [one["overall"]["mPJE_mean"] for one in baselines]
    known = [value for value in baseline_means if value is not None]
    named = dict(zip(("train_mean", "action_mean"), baseline_means))
    ranked = [row for row in rows if row.get("rank") and row["overall"]["mPJE_mean"] is not None]
    best = min((row["overall"]["mPJE_mean"] for row in ranked), default=None)
    everything = [*rows, *baselines]
    bounds = [
        v for row in everything for v in (row["overall"]["mPJE_mean"], *(row.get("interval") or ())) if v is not None
    ]
    scale = 1.05 * max(bounds, default=1.0) or 1.0
    side_by_side = [j for stem in JOINT_LABELS for j in benchmark["joints"] if j in (stem, f"{stem}_r", f"{stem}_l")]
    per_joint = [v for row in everything for v in row["joint"].values() if v is not None]
    joint_scale = 1.05 * max(per_joint, default=1.0) or 1.0
    actions = list(dict.fromkeys(name for row in everything for name in row["action"]))
    shown = []
    levels = zip(
        everything, _level(everything, "joint", side_by_side), _level(everything, "action", actions), strict=True
    )
    for row, joint_cells, action_cells in levels:
        shown.append(
            {
                "row": row,
                "kind": "superseded" if row.get("superseded_by") else row.get("badge", "baseline"),
                "modality": row.get("modality", ""),
                "cells": _overall_cells(row, best, named),
                "forest": _forest(row, known, scale),
                "joint": joint_cells,
                "action": action_cells,
                "bars": _bars(row, baselines, side_by_side, joint_scale) if "badge" in row else [],
            }
        )
    return benchmark | {
        "anchor": f"b{number}",
        "shown": shown,
        "joint_columns": [Column(joint_label(name), name) for name in side_by_side],
        "action_columns": [Column(name, "mPJE_mean of this action, N·m/kg") for name in actions],
        "entries": sum("badge" in row for row in rows),
        "no_interval": reasons_for_none(rows),
        "height": 22 * len(side_by_side),
        "scale": scale,
    }


def _hash(part: str) -> str:
    return base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()


def render_page(table: dict[str, Any]) -> bytes:
    """Return ``index.html``'s content; the same table gives the same bytes."""
    parts = files("vidzoo.leaderboard") / "page_parts"
    style, script = (parts.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    views = [_view(benchmark, i) for i, benchmark in enumerate(table["benchmarks"])]
    page = environment.from_string(parts.joinpath("template.html.j2").read_text(encoding="utf-8")).render(
        policy=f"default-src 'none'; style-src 'sha256-{_hash(style)}'; script-src 'sha256-{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        benchmarks=sorted(views, key=lambda view: -view["entries"]),
        modalities=sorted({row["modality"] for view in views for row in view["rows"] if row.get("modality")}),
        overall=OVERALL,
        claimed_remark=CLAIMED_REMARK,
        reproduced_within=f"{100 * REPRODUCED_WITHIN:.0f} %",
    )
    return page.encode()


def render(store: Store) -> dict[str, bytes]:
    """Return name -> content of the files that are made from a store's record."""
    table = build_table(store)
    return {"TABLE.md": dump_markdown(table), "table.json": dump_table(table), "index.html": render_page(table)}
