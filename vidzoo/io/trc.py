"""Read marker trajectories, .trc files, by marker name into the order of ``vidzoo.anatomy.MARKERS``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidzoo.anatomy import MARKERS
from vidzoo.errors import DataError
from vidzoo.io.storage import check_time, nearest_names, read_text_lines

_METRES = {"m": 1.0, "mm": 1e-3}
_HEADER_LINES = 5


@dataclass(frozen=True, eq=False)
class MarkerTrajectories:
    """Positions of the markers over time: F frames, M markers."""

    names: tuple[str, ...]
    time: np.ndarray
    """[F] s, strictly increasing."""
    positions: np.ndarray
    """[F, M, 3] m; NaN where a marker was not seen."""
    rate_hz: float
    source: str = "trajectories in memory"
    """The file they were read from, for messages."""


def _read_fields(lines: list[str], path: Path) -> dict[str, str]:
    """Return the second and third line as names and values."""
    if len(lines) < _HEADER_LINES or not lines[0].split()[:1] == ["PathFileType"]:
        raise DataError(f"{path}: does not begin with a line 'PathFileType'; expected a .trc file.")
    fields = dict(zip(lines[1].split(), lines[2].split()))
    for key in ("DataRate", "NumFrames", "NumMarkers", "Units"):
        if key not in fields:
            raise DataError(f"{path}, line 2: the field {key} or its value in line 3 is missing.")
    return fields


def _number(fields: dict[str, str], key: str, path: Path) -> float:
    """Return a positive number of the header."""
    try:
        value = float(fields[key])
    except ValueError:
        value = float("nan")
    if not value > 0 or value == float("inf"):
        raise DataError(f"{path}, line 3: {key} is {fields[key]!r}, expected a positive number.")
    return value


def _marker_columns(names_line: str, axes_line: str, path: Path) -> dict[str, int]:
    """Return for each marker of the file the index of its X among the cells of a row.

    A marker's name stands above its X and is followed by two empty cells. Some exporters add tabs, which shifts the
    names against the numbers; so only the order of the names counts, not their position.
    """
    found = [cell.strip() for cell in names_line.split("\t")[2:]] if "\t" in names_line else names_line.split()[2:]
    names = [name for name in found if name]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{path}, line 4: marker '{repeated[0]}' occurs twice; rename or remove one.")
    num_axes = len(axes_line.split())
    if num_axes != 3 * len(names):
        raise DataError(f"{path}, line 5: {num_axes} axis names for {len(names)} markers, expected {3 * len(names)}.")
    return {name: 2 + 3 * i for i, name in enumerate(names)}


def _parse_row(line: str, number: int, width: int, path: Path) -> list[str]:
    """Return a row as ``width`` cells; an empty cell, or one missing at the end, becomes 'nan'."""
    with_tabs = "\t" in line
    cells = [cell.strip() or "nan" for cell in line.split("\t")] if with_tabs else line.split()
    # With blanks between the cells an empty cell is invisible: a short row might lack any of its cells.
    if any(cell != "nan" for cell in cells[width:]) or (not with_tabs and len(cells) != width):
        raise DataError(f"{path}, line {number}: {len(cells)} cells where the header has {width}; export it again.")
    return cells[:width] + ["nan"] * (width - len(cells))


def _parse_rows(rows: list[tuple[int, str]], columns: dict[str, int], path: Path) -> np.ndarray:
    """Return the numbers of the rows, [F, 2 + 3 * markers of the file], NaN where a cell is empty."""
    width = 2 + 3 * len(columns)
    cells = [_parse_row(line, number, width, path) for number, line in rows]
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        labels = ["Frame#", "Time", *(f"{name} {axis}" for name in columns for axis in "XYZ")]
        for (number, _), row in zip(rows, cells):
            for label, cell in zip(labels, row):
                try:
                    float(cell)
                except ValueError:
                    raise DataError(f"{path}, line {number}, column '{label}': '{cell[:40]}' is no number.") from None
        raise


def read_trc(path: str | Path, markers: Sequence[str] = MARKERS) -> MarkerTrajectories:
    """Read the named markers of a .trc file; others in the file are ignored.

    A marker is missing (NaN in all three axes) where any of its cells is empty, missing at the end of the row or
    'nan', and where all three are exactly zero, which exporters write for a gap.

    Raises:
        DataError: the file is missing, cut or damaged, its unit is neither m nor mm, or a marker is not in it.
    """
    path = Path(path)
    lines = read_text_lines(path)
    fields = _read_fields(lines, path)
    unit = fields["Units"]
    if unit not in _METRES:
        raise DataError(f"{path}, line 3: Units is '{unit}', expected m or mm.")
    rate_hz = _number(fields, "DataRate", path)
    columns = _marker_columns(lines[3], lines[4], path)
    if len(columns) != _number(fields, "NumMarkers", path):
        raise DataError(f"{path}, line 4: {len(columns)} marker names, but line 3 says {fields['NumMarkers']}.")
    missing = [name for name in markers if name not in columns]
    if missing:
        told = "; ".join(f"'{name}' ({nearest_names(name, list(columns))})" for name in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise DataError(f"{path}, line 4: has no marker {told}{more}; rename it in the file.")

    rows = [(i + 1, line) for i, line in enumerate(lines) if i >= _HEADER_LINES and line.strip()]
    if len(rows) != _number(fields, "NumFrames", path):
        raise DataError(
            f"{path}: {len(rows)} frames, but line 3 says {fields['NumFrames']}; the file is cut, copy it again."
        )
    table = _parse_rows(rows, columns, path)
    check_time(table[:, 1], [number for number, _ in rows], path)
    starts = np.array([columns[name] for name in markers], dtype=int)
    positions = table[:, starts[:, None] + np.arange(3)] * _METRES[unit]
    positions[~np.isfinite(positions).all(-1) | (positions == 0).all(-1)] = np.nan
    return MarkerTrajectories(tuple(markers), table[:, 1].copy(), positions, rate_hz, str(path))
