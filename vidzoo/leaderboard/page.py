"""The page: one HTML file with everything in it, for any browser, without network."""

from __future__ import annotations

from typing import Any

from vidzoo.leaderboard.store import Store
from vidzoo.leaderboard.table import build_table, dump_markdown, dump_table


def render_page(table: dict[str, Any]) -> bytes:
    """Return ``index.html``'s content."""
    return b"<!doctype html>\n"


def render(store: Store) -> dict[str, bytes]:
    """Return name -> content of the files that are made from a store's record."""
    table = build_table(store)
    return {"TABLE.md": dump_markdown(table), "table.json": dump_table(table), "index.html": render_page(table)}
