"""Marker files: units, gaps, order and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vidzoo.anatomy import MARKERS
from vidzoo.errors import DataError
from vidzoo.io.trc import read_trc

NAMES = ("r.ASIS", "L_calc", "C7")


def trc(rows: list[str], unit: str = "m", names: tuple[str, ...] = NAMES, frames: int | None = None) -> str:
    fields = f"100.0\t100.0\t{len(rows) if frames is None else frames}\t{len(names)}\t{unit}\t100.0\t1\t{len(rows)}"
    axes = "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, len(names) + 1))
    return "\n".join(
        [
            "PathFileType\t4\t(X/Y/Z)\tC:\\a folder\\walking1.trc",
            "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
            fields,
            "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t\t",
            "\t\t" + axes,
            "",
            *rows,
            "",
        ]
    )


ROWS = ["1\t0.00\t1\t2\t3\t4\t5\t6\t7\t8\t9", "2\t0.01\t1.5\t2\t3\t4\t5\t6\t7\t8\t9"]
POSITIONS = np.array([[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1.5, 2, 3], [4, 5, 6], [7, 8, 9]]])


def save(folder: Path, text: str) -> Path:
    path = folder / "walking1.trc"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("PathFileType\t4\t", "PathFileType  4\t"),
        lambda text: text.replace("\t\t\tL_calc", "\t\t\t\t\tL_calc").replace("DataRate\tC", "DataRate\t\tC"),
        lambda text: text.replace("Y1\t", "Y1\t\t"),
        lambda text: text.replace("\t9\n", "\t9\t\t\n"),
        lambda text: text.replace("\n\n", "\n"),
        lambda text: text.replace("\n\n", "\n\t\t\n"),
        lambda text: text.replace("\t", "  "),
    ],
    ids=["plain", "crlf", "blanks", "doubled tabs", "doubled axis tabs", "trailing tabs", "no blank line",
         "line of tabs", "blanks only"],
)  # fmt: skip
def test_reads_every_form_of_the_format(tmp_path, change):
    found = read_trc(save(tmp_path, change(trc(ROWS))), NAMES)
    np.testing.assert_array_equal(found.positions, POSITIONS)
    np.testing.assert_array_equal(found.time, [0, 0.01])
    assert (found.rate_hz, found.names) == (100.0, NAMES)


def test_millimetres_become_metres_and_markers_the_order_asked_for(tmp_path):
    found = read_trc(save(tmp_path, trc(ROWS, "mm")), ("C7", "r.ASIS"))
    np.testing.assert_allclose(found.positions, POSITIONS[:, [2, 0]] / 1000, rtol=1e-15)


@pytest.mark.parametrize(
    ("row", "missing"),
    [
        ("2\t0.01\t1\t2\t3\t\t\t\t7\t8\t9", [1]),
        ("2\t0.01\t\t\t\t4\t5\t6\t7\t8\t9", [0]),
        ("2\t0.01\t1\t2\t3\t4\t5\t6", [2]),
        ("2\t0.01\t1\t2\t3\t4\t5\t6\t\t", [2]),
        ("2\t0.01\t1\t2\t3", [1, 2]),
        ("2\t0.01\tnan\tnan\tnan\t4\t5\t6\tNaN\tNaN\tNaN", [0, 2]),
        ("2\t0.01\t1\t2\t3\t0\t0.000\t-0.0\t7\t8\t9", [1]),
        ("2\t0.01\t1\t2\t3\t4\t5\t6\t7\t\t9", [2]),
    ],
    ids=["empty", "empty first", "cut", "cut with tabs", "two cut", "nan", "zeros", "one axis"],
)
def test_gaps_are_nan_and_nothing_moves_into_them(tmp_path, row, missing):
    found = read_trc(save(tmp_path, trc([ROWS[0], row])), NAMES).positions
    there = [i for i in range(3) if i not in missing]
    assert np.isnan(found[1, missing]).all()
    assert np.isfinite(found[1, there]).all()
    np.testing.assert_array_equal(found[0], POSITIONS[0])
    np.testing.assert_array_equal(found[1, there], POSITIONS[0, there])


def test_a_zero_in_one_axis_is_a_position(tmp_path):
    found = read_trc(save(tmp_path, trc([ROWS[0], "2\t0.01\t1\t2\t3\t0\t5\t0\t7\t8\t9"])), NAMES)
    np.testing.assert_array_equal(found.positions[1, 1], [0, 5, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (trc(ROWS, "cm"), r"line 3: Units is 'cm'"),
        (trc(ROWS, names=("r.ASIS", "L_calcn", "C7")), r"line 4: has no marker 'L_calc' \(nearest: 'L_calcn'"),
        (trc(ROWS, names=("C7", "L_calc", "C7")), r"line 4: marker 'C7' occurs twice"),
        (trc(ROWS, frames=3), r"2 frames, but line 3 says 3; the file is cut"),
        (trc(ROWS).replace("\tX3\tY3\tZ3", ""), r"line 5: 6 axis names for 3 markers"),
        (trc(ROWS).replace("\t3\tm", "\t4\tm"), r"line 4: 3 marker names, but line 3 says 4"),
        (trc(ROWS).replace("1.5", "1,5"), r"line 8, column 'r.ASIS X': '1,5' is no number"),
        (trc(ROWS).replace("1.5\t", "1.5\t1\t"), r"line 8: 12 cells where the header has 11"),
        (trc(ROWS).replace("1.5\t", "").replace("\t", " "), r"line 8: 10 cells where the header has 11"),
        (trc(ROWS).replace("0.01\t", "0.00\t"), r"line 8, column 'time': 0 s after 0 s"),
        (trc(ROWS).replace("0.01\t", "\t"), r"line 8, column 'time'"),
        (trc(ROWS).replace("100.0\t", "fast\t"), r"line 3: DataRate is 'fast'"),
        (trc(ROWS).replace("NumFrames", "Frames"), r"the field NumFrames"),
        ("time\tx\n0\t1\n", r"PathFileType"),
        ("", r"PathFileType"),
    ],
)  # fmt: skip
def test_refuses_a_broken_file_and_says_where(tmp_path, text, message):
    with pytest.raises(DataError, match=rf"walking1\.trc.*{message}"):
        read_trc(save(tmp_path, text), NAMES)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_trc(tmp_path / "walking1.trc")


@pytest.mark.parametrize(
    ("subject", "trial", "unit", "frames"),
    [
        ("subject4", "walking1", "m", {"made_up": 131, "shared": 131}),
        ("subject5", "DJ1", "mm", {"made_up": 102, "shared": 289}),
    ],
)
def test_reads_a_releases_files_in_metres_like_opensim(release, subject, trial, unit, frames):
    path, frames = release.root / subject / f"MarkerData/Mocap/{trial}.trc", frames[release.kind]
    found = read_trc(path)
    assert found.positions.shape == (frames, 51, 3)
    assert found.rate_hz == 100.0
    height = found.positions[:, MARKERS.index("C7"), 1]
    assert 1.0 < np.nanmean(height) < 2.2
    feet = found.positions[:, [MARKERS.index("r_calc"), MARKERS.index("L_calc")], 1]
    assert np.nanmax(feet) < np.nanmin(height)

    opensim = pytest.importorskip("opensim")
    opensim.Logger.setLevelString("Off")
    opensim.Logger.removeFileSink()
    table = opensim.TimeSeriesTableVec3(str(path))
    assert table.getTableMetaDataString("Units") == unit
    scale = {"m": 1.0, "mm": 1e-3}[unit]
    for k in (0, 17, 50):
        column = table.getDependentColumn(MARKERS[k])
        theirs = np.array([column[f].to_numpy() for f in range(frames)]) * scale
        np.testing.assert_allclose(found.positions[:, k], theirs, rtol=1e-12, equal_nan=True)


def test_refuses_a_releases_file_with_a_renamed_marker(release, tmp_path):
    text = (release.root / "subject5/MarkerData/Mocap/DJ1.trc").read_text()
    (tmp_path / "DJ1.trc").write_text(text.replace("\tr.PSIS\t", "\tr_PSIS\t"))
    with pytest.raises(DataError, match=r"DJ1\.trc.*'r\.PSIS' \(nearest: 'r_PSIS'"):
        read_trc(tmp_path / "DJ1.trc")
