"""What differs between two leaderboards, or between a store and its written table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vidzoo.errors import DataError
from vidzoo.leaderboard.documents import read_bytes
from vidzoo.leaderboard.store import Store
from vidzoo.leaderboard.table import FORMAT, VERSIONS, build_table

MAX_TABLE_BYTES = 256 << 20


def read_table(path: Path) -> dict[str, Any]:
    """Read a ``table.json``.

    Raises:
        DataError: it is missing or none of these versions.
    """
    try:
        table = json.loads(read_bytes(path, MAX_TABLE_BYTES))
        if table["format"] != FORMAT or table["version"] not in VERSIONS:
            raise ValueError("another format or version")
        {
            b["id"]: [(r["id"], r["rank"], r["model"], r["overall"]["mPJE_mean"]) for r in b["rows"]]
            for b in table["benchmarks"]
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: is no leaderboard's table ({str(error)[:200]}).") from None
    return table


def _places(table: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(b["id"], row["id"]): row for b in table["benchmarks"] for row in b["rows"] if row["id"]}


def _say(row: dict[str, Any]) -> str:
    figure = row["overall"]["mPJE_mean"]
    return f"{row['model'][:80]} ({'-' if figure is None else f'{figure:.4f}'})"


def compare(folder: Path, other: str | Path | None = None) -> list[str]:
    """Return a line for every benchmark and entry that a store has and the other has not, or that has moved.

    Args:
        folder: of the store.
        other: another store, or a table.json; None: the store's own table.json as it was last written.

    Raises:
        DataError: one of them is no such thing, or broken.
    """
    new = build_table(Store(folder))
    place = Path(other) if other is not None else folder / "table.json"
    old = build_table(Store(place)) if place.is_dir() else read_table(place)
    lines = []
    for left, right, word in ((new, old, "new"), (old, new, "gone")):
        known = {b["id"] for b in right["benchmarks"]}
        lines += [f"{b['id']}: {word} benchmark" for b in left["benchmarks"] if b["id"] not in known]
    before, now = _places(old), _places(new)
    hashes = {b["id"]: b["sha256"] for b in old["benchmarks"]}
    lines += [f"{b['id']}: CHANGED" for b in new["benchmarks"] if hashes.get(b["id"], b["sha256"]) != b["sha256"]]
    for key, row in now.items():
        earlier = before.get(key)
        rank = f"rank {row['rank']}" if row["rank"] else f"superseded by {row['superseded_by']}"
        if earlier is None:
            lines.append(f"{key[0]}: new, {rank}: {_say(row)}, {key[1]}")
        elif earlier["sha256"] != row["sha256"]:
            lines.append(f"{key[0]}: CHANGED: {_say(row)}, {key[1]}")
        elif (earlier["rank"], earlier["badge"]) != (row["rank"], row["badge"]):
            was = f"rank {earlier['rank']}, {earlier['badge']}" if earlier["rank"] else "superseded"
            lines.append(f"{key[0]}: {was} -> {rank}, {row['badge']}: {_say(row)}, {key[1]}")
    lines += [f"{key[0]}: GONE: {_say(row)}, {key[1]}" for key, row in before.items() if key not in now]
    return lines
