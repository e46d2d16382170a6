"""The progress bar of long readings."""

from __future__ import annotations

import pytest
from rich.progress import Progress

from vidzoo.io import progress
from vidzoo.io.progress import byte_progress


@pytest.mark.parametrize("total", [10, progress.LONG_BYTES])
def test_it_counts_what_is_done_and_says_nothing_where_there_is_no_terminal(total, monkeypatch, capsys):
    advanced = []
    monkeypatch.setattr(Progress, "advance", lambda self, task, done: advanced.append(done))
    with byte_progress("verifying", total) as advance:
        advance(4)
        advance(6)
    assert advanced == ([4, 6] if total >= progress.LONG_BYTES else [])
    assert capsys.readouterr() == ("", "")
