"""Read and write OpenSim's tables over time, .mot and .sto files, by column name.

Two headers are in use: ``nRows=``, ``nColumns=``, ``inDegrees=`` of OpenSim itself, and ``datarows``, ``datacolumns``,
``range`` of SIMM, which force files still have. Letters: F = frames, n = columns without time.
"""

from __future__ import annotations

import difflib
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vidzoo.anatomy import COORDINATES, DEPENDENT_COORDINATES, TRANSLATIONS
from vidzoo.errors import DataError
from vidzoo.io.atomic import atomic_path

MAX_BYTES = 1 << 30
"""Largest text of a file, decompressed."""
_MAX_HEADER_LINES = 1000


def read_text_lines(path: Path) -> list[str]:
    """Read a text file, compressed if its name ends in ``.gz``, as lines without their ends.

    Raises:
        DataError: it is missing, cannot be decompressed, or holds more than ``MAX_BYTES``.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; check the folder and the trial's name.")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({error}); copy it again.") from None
    if len(content) > MAX_BYTES:
        raise DataError(f"{path}: holds more than {MAX_BYTES >> 20} MiB of text; expected one trial.")
    # str.splitlines would also break at form feeds and the like, which would shift the line numbers in messages.
    return content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def nearest_names(wanted: str, names: Sequence[str]) -> str:
    """Return the nearest of ``names`` as text for a message, such as ``nearest: 'knee_angle_r'``."""
    by_lower_case = {name.lower(): name for name in names}
    near = difflib.get_close_matches(wanted.lower(), by_lower_case, n=2, cutoff=0.5)
    return "nearest: " + ", ".join(f"'{by_lower_case[name]}'" for name in near) if near else "nothing is near it"


@dataclass(frozen=True, eq=False)
class Storage:
    """A table of numbers over time."""

    name: str
    columns: tuple[str, ...]
    """Names of the n columns, without time."""
    time: np.ndarray
    """[F] s, strictly increasing."""
    data: np.ndarray
    """[F, n] in the units of the file."""
    in_degrees: bool | None = False
    """What the header says of angles; None where it says nothing."""
    header: dict[str, str] = field(default_factory=dict)
    """Every other ``key=value`` or ``key value`` of the header."""
    source: str = "table in memory"
    """The file it was read from, for messages."""

    def select(self, names: Sequence[str]) -> np.ndarray:
        """Return the named columns, [F, len(names)], in the order of ``names``.

        Raises:
            DataError: a name is not among the columns; the message lists the missing and the nearest names.
        """
        index = {column: i for i, column in enumerate(self.columns)}
        missing = [name for name in names if name not in index]
        if missing:
            told = "; ".join(f"'{name}' ({nearest_names(name, self.columns)})" for name in missing[:5])
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise DataError(f"{self.source}: has no column {told}{more}; rename the columns or name the right file.")
        return self.data[:, [index[name] for name in names]]


def _split_cells(line: str) -> list[str]:
    """Split a row at its tabs, or at blanks if it has no tab; drop empty cells at its end."""
    line = line.rstrip()
    return [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()


def _read_header(lines: list[str], path: Path) -> tuple[str, dict[str, str], int]:
    """Return the table's name, the header's fields and the index of the line after ``endheader``."""
    end = next((i for i, line in enumerate(lines[:_MAX_HEADER_LINES]) if line.strip().lower() == "endheader"), None)
    if end is None:
        raise DataError(f"{path}: has no line 'endheader'; expected a .mot or .sto file of OpenSim.")
    name, fields = "", {}
    for i, line in enumerate(lines[:end]):
        key, sep, value = line.partition("=")
        if sep and len(key.split()) == 1:
            fields[key.strip()] = value.strip()
        elif (words := line.split(None, 1)) and words[0] in ("name", "datacolumns", "datarows", "range"):
            fields[words[0]] = words[1].strip() if len(words) > 1 else ""
        elif i == 0:
            name = line.strip()
    return fields.pop("name", name), fields, end + 1


def _raise_for_bad_cell(rows: list[tuple[int, str]], labels: list[str], path: Path) -> None:
    """Raise for the first row that has the wrong number of cells or a cell that is no number."""
    for number, line in rows:
        cells = _split_cells(line)
        for label, cell in zip(labels, cells):
            try:
                float(cell)
            except ValueError:
                told = f"'{cell[:40]}' is no number" if cell else "the cell is empty"
                raise DataError(f"{path}, line {number}, column '{label}': {told}; export the file again.") from None
        if len(cells) != len(labels):
            where = f", column '{labels[len(cells)]}'" if len(cells) < len(labels) else ""
            raise DataError(
                f"{path}, line {number}{where}: the row has {len(cells)} numbers for {len(labels)} column names; "
                f"the file is cut or damaged, export or copy it again."
            )


def _parse_rows(rows: list[tuple[int, str]], labels: list[str], path: Path) -> np.ndarray:
    """Return the numbers of the rows, [F, len(labels)]."""
    try:
        table = np.loadtxt([line for _, line in rows], dtype=np.float64, comments=None, ndmin=2)
        if table.shape[1] != len(labels):
            raise ValueError
    except ValueError as error:
        _raise_for_bad_cell(rows, labels, path)
        raise DataError(f"{path}: its numbers cannot be read ({error}).") from None
    return table


def check_time(time: np.ndarray, line_numbers: Sequence[int], path: Path) -> None:
    """Raise a DataError with the line at which time is not finite or does not increase."""
    bad = ~np.isfinite(time)
    bad[1:] |= ~(np.diff(time) > 0)
    if bad.any():
        i = int(bad.argmax())
        before = f" after {time[i - 1]:g} s" if i else ""
        raise DataError(
            f"{path}, line {line_numbers[i]}, column 'time': {time[i]:g} s{before}, but time must increase; "
            f"remove rows that are repeated or out of order."
        )


def _count(fields: dict[str, str], keys: tuple[str, ...], path: Path) -> int | None:
    """Return a whole number that the header states under one of ``keys``; None where it states none."""
    for key in keys:
        if key in fields:
            try:
                return int(fields[key])
            except ValueError:
                raise DataError(f"{path}: its header says {key} {fields[key]!r}, expected a whole number.") from None
    return None


def read_storage(path: str | Path) -> Storage:
    """Read a .mot or .sto file of either header style, compressed or not.

    Raises:
        DataError: the file is missing, cut or damaged, repeats a column name, or its time does not increase; the
            message names the line and the column.
    """
    path = Path(path)
    lines = read_text_lines(path)
    name, fields, start = _read_header(lines, path)
    rows = [(i + 1, line) for i, line in enumerate(lines[start:], start) if line.strip()]
    if not rows:
        raise DataError(f"{path}: ends after its header; the file is cut, copy it again.")
    label_line, label_text = rows.pop(0)
    labels = _split_cells(label_text)
    if labels[0].lower() != "time":
        raise DataError(f"{path}, line {label_line}: the first column is '{labels[0]}', expected 'time'.")
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise DataError(f"{path}, line {label_line}: column '{repeated[0]}' occurs twice; rename or remove one.")
    num_columns = _count(fields, ("nColumns", "datacolumns"), path)
    if num_columns is not None and num_columns != len(labels):
        raise DataError(
            f"{path}, line {label_line}: {len(labels)} column names, but the header says {num_columns} columns."
        )
    if not rows:
        raise DataError(f"{path}: has no row of numbers; the file is cut, copy it again.")
    table = _parse_rows(rows, labels, path)
    num_rows = _count(fields, ("nRows", "datarows"), path)
    if num_rows is not None and num_rows != len(table):
        raise DataError(
            f"{path}: {len(table)} rows, but its header says {num_rows}; the file is "
            f"{'cut' if len(table) < num_rows else 'longer than it says'}, export or copy it again."
        )
    check_time(table[:, 0], [number for number, _ in rows], path)
    degrees = fields.pop("inDegrees", "").lower()
    for key in ("nRows", "nColumns", "datarows", "datacolumns", "range"):
        fields.pop(key, None)
    return Storage(
        name=name,
        columns=tuple(labels[1:]),
        time=np.ascontiguousarray(table[:, 0]),
        data=np.ascontiguousarray(table[:, 1:]),
        in_degrees={"yes": True, "no": False}.get(degrees),
        header=fields,
        source=str(path),
    )


def write_storage(path: str | Path, storage: Storage) -> None:
    """Write a table in OpenSim's own form, compressed if ``path`` ends in ``.gz``; ``read_storage`` returns the same.

    Raises:
        DataError: the folder does not exist, ``path`` is a folder or cannot be written, or the table's shapes do not
            fit its column names.
    """
    path = Path(path)
    with atomic_path(path) as temporary:
        content = _storage_text(path, storage).encode()
        temporary.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def _storage_text(path: Path, storage: Storage) -> str:
    frames = len(storage.time)
    if storage.data.shape != (frames, len(storage.columns)):
        raise DataError(
            f"{path}: data of shape {storage.data.shape} for {frames} times and {len(storage.columns)} column names."
        )
    header = {"version": "1", **storage.header, "nRows": frames, "nColumns": len(storage.columns) + 1}
    if storage.in_degrees is not None:
        header["inDegrees"] = "yes" if storage.in_degrees else "no"
    text = io.StringIO()
    text.write(f"{storage.name}\n")
    text.writelines(f"{key}={value}\n" for key, value in header.items())
    text.write("endheader\n" + "\t".join(("time", *storage.columns)) + "\n")
    np.savetxt(text, np.column_stack([storage.time, storage.data]), fmt="%.17g", delimiter="\t")
    return text.getvalue()


def coordinates_in_si(storage: Storage, names: Sequence[str] = COORDINATES) -> np.ndarray:
    """Return coordinates by name, [F, len(names)], in rad, the pelvis translations in m.

    In a file with angles in degrees, OpenSim still writes the coupled ``knee_angle_*_beta`` in radians, because its
    conversion leaves coupled coordinates as they are.

    Raises:
        DataError: a coordinate is missing, or the header does not say whether angles are in degrees.

    >>> columns = ("hip_flexion_r", "knee_angle_r_beta", "pelvis_ty")
    >>> table = Storage("IK", columns, np.array([0.0]), np.array([[90.0, 0.5, 0.93]]), in_degrees=True)
    >>> coordinates_in_si(table, columns).round(4).tolist()
    [[1.5708, 0.5, 0.93]]
    """
    if storage.in_degrees is None:
        raise DataError(f"{storage.source}: its header has no line inDegrees=yes or inDegrees=no; add the right one.")
    values = storage.select(names)
    if storage.in_degrees:
        in_degrees = [name not in TRANSLATIONS and name not in DEPENDENT_COORDINATES for name in names]
        values[:, in_degrees] = np.deg2rad(values[:, in_degrees])
    return values


def generalized_forces(storage: Storage, names: Sequence[str] = COORDINATES) -> np.ndarray:
    """Return the generalized forces of the named coordinates, [F, len(names)] N·m, N for translations.

    OpenSim calls them ``<coordinate>_moment``, or ``<coordinate>_force`` where the coordinate is a translation or
    coupled to another one.

    Raises:
        DataError: a coordinate has neither column.
    """
    there = set(storage.columns)
    return storage.select([f"{name}_force" if f"{name}_force" in there else f"{name}_moment" for name in names])
