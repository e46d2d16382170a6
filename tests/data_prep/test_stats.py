"""Table 6's form."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidzoo.data_prep.stats import counts_table, frame_counts, total_minutes
from vidzoo.io.data_file import DataFile


def test_counts_of_a_file(tiny_data_file: Path) -> None:
    data = DataFile(tiny_data_file)
    of_one = {"DJ1": 40, "squats1": 40, "walking1": 40}
    assert frame_counts(data) == {"subject1": of_one, "subject2": of_one}
    assert total_minutes(data) == pytest.approx(6 * 0.4 / 60)


def test_table_has_families_in_order_and_sums_that_check_out() -> None:
    counts = {"subject4": {"walking2": 3, "DJ10": 5, "DJ2": 7}, "subject5": {"DJ2": 11, "odd": 1, "squats1": 2}}
    header, rows = counts_table(counts)
    assert header == ["trial", "subject4", "subject5", "total"]
    assert [row[0] for row in rows] == ["DJ2", "DJ10", "squats1", "walking2", "odd", "total"]
    assert rows[0] == ["DJ2", 7, 11, 18]
    assert rows[-1] == ["total", 15, 14, 29]
    for row in rows:
        assert sum(value for value in row[1:-1] if value != "") == row[-1]
