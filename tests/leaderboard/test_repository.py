"""The project's own leaderboard."""

from __future__ import annotations

from pathlib import Path

from vidzoo.leaderboard.check import check
from vidzoo.leaderboard.page import render
from vidzoo.leaderboard.store import Store


def test_the_repositorys_leaderboard_is_in_order():
    store = Store(Path(__file__).parents[2] / "leaderboard")
    assert store.entry_paths()
    assert check(store, render) == ([], [])
