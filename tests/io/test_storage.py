"""OpenSim tables: both headers, any order and separator, and what is refused."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from vidzoo.anatomy import COORDINATES, DEPENDENT_COORDINATES, TRANSLATIONS
from vidzoo.errors import DataError
from vidzoo.io import storage
from vidzoo.io.storage import Storage, coordinates_in_si, generalized_forces, read_storage, write_storage

NEW = "Coordinates\nversion=1\nnRows=3\nnColumns=4\ninDegrees=yes\n\nUnits are S.I.\n\nendheader\n"
OLD = "name walking_forces.mot\ndatacolumns 4\ndatarows 3\nrange 0.0 0.2\nendheader \n"
LABELS = "time\tknee_angle_r\tpelvis_ty\tknee_angle_r_beta\n"
ROWS = "0.0\t90\t1.5\t0.25\n0.1\t-45\t1e0\t0.5\n0.2\t0\t1\t-0.75\n"
VALUES = [[90, 1.5, 0.25], [-45, 1, 0.5], [0, 1, -0.75]]


def save(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("header", [NEW, OLD], ids=["equals", "blanks"])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\t", "   "),
        lambda text: text.replace("\t", "\t       "),
        lambda text: text + "\n  \n\t\n",
        lambda text: text.replace("0.25\n", "0.25\t\n").replace("beta\n", "beta\t\n"),
        lambda text: "\ufeff" + text.rstrip("\n"),
    ],
    ids=["plain", "crlf", "blanks", "tabs and blanks", "blank lines", "trailing tabs", "byte order mark"],
)
def test_reads_every_form_of_the_format(tmp_path, header, change):
    table = read_storage(save(tmp_path / "a.mot", change(header + LABELS + ROWS)))
    assert table.columns == ("knee_angle_r", "pelvis_ty", "knee_angle_r_beta")
    np.testing.assert_array_equal(table.time, [0.0, 0.1, 0.2])
    np.testing.assert_array_equal(table.data, VALUES)
    assert table.in_degrees is (True if header is NEW else None)
    assert table.name == ("Coordinates" if header is NEW else "walking_forces.mot")


def test_reads_compressed_files(tmp_path):
    path = tmp_path / "a.mot.gz"
    path.write_bytes(gzip.compress((OLD + LABELS + ROWS).encode()))
    np.testing.assert_array_equal(read_storage(path).data, VALUES)


def test_selects_by_name_whatever_the_order(tmp_path):
    table = read_storage(save(tmp_path / "a.mot", NEW + LABELS + ROWS))
    np.testing.assert_array_equal(table.select(["knee_angle_r_beta", "knee_angle_r"]), np.array(VALUES)[:, [2, 0]])
    with pytest.raises(DataError, match=r"a\.mot.*'knee_angel_r' \(nearest: 'knee_angle_r'"):
        table.select(["pelvis_ty", "knee_angel_r"])


def test_degrees_become_radians_but_for_translations_and_coupled_coordinates(tmp_path):
    table = read_storage(save(tmp_path / "a.mot", NEW + LABELS + ROWS))
    expected = [[math.pi / 2, 1.5, 0.25], [-math.pi / 4, 1, 0.5], [0, 1, -0.75]]
    np.testing.assert_allclose(coordinates_in_si(table, table.columns), expected, rtol=1e-15)
    np.testing.assert_array_equal(table.data, VALUES)  # the table itself is left as it was
    radians = read_storage(save(tmp_path / "b.mot", NEW.replace("=yes", "=no") + LABELS + ROWS))
    np.testing.assert_array_equal(coordinates_in_si(radians, table.columns), VALUES)
    unsaid = read_storage(save(tmp_path / "c.mot", OLD + LABELS + ROWS))
    with pytest.raises(DataError, match="inDegrees"):
        coordinates_in_si(unsaid, table.columns)


def test_generalized_forces_are_moments_or_forces():
    columns = ("knee_angle_r_beta_force", "pelvis_ty_force", "knee_angle_r_moment")
    table = Storage("ID", columns, np.zeros(1), np.array([[1.0, 2.0, 3.0]]), False)
    names = ("knee_angle_r", "knee_angle_r_beta", "pelvis_ty")
    np.testing.assert_array_equal(generalized_forces(table, names), [[3, 1, 2]])
    with pytest.raises(DataError, match="knee_angle_l_moment"):
        generalized_forces(table, ("knee_angle_l",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NEW + LABELS + ROWS.replace("0.2\t0\t1\t-0.75\n", ""), r"2 rows, but its header says 3; the file is cut"),
        (OLD + LABELS + ROWS + "0.3\t0\t0\t0\n", r"4 rows, but its header says 3"),
        (NEW + LABELS + ROWS.replace("\t0.5\n", "\n"), r"line 12, column 'knee_angle_r_beta': the row has 3 numbers"),
        (NEW + LABELS + ROWS.replace("\t0.5\n", "\t0.5\t7\n"), r"line 12: the row has 5 numbers for 4"),
        (NEW + LABELS + ROWS.replace("1e0", "1,0"), r"line 12, column 'pelvis_ty': '1,0' is no number"),
        (NEW + LABELS + ROWS.replace("-45", ""), r"line 12, column 'knee_angle_r': the cell is empty"),
        (NEW + LABELS + ROWS.replace("0.2\t", "0.1\t"), r"line 13, column 'time': 0.1 s after 0.1 s"),
        (NEW + LABELS + ROWS.replace("0.2\t", "nan\t"), r"line 13, column 'time'"),
        (NEW + LABELS.replace("pelvis_ty", "knee_angle_r") + ROWS, r"line 10: column 'knee_angle_r' occurs twice"),
        (NEW + LABELS.replace("\tpelvis_ty", "") + ROWS, r"3 column names, but the header says 4"),
        (NEW + LABELS.replace("time", "t") + ROWS, r"the first column is 't'"),
        (NEW.replace("nRows=3", "nRows=many") + LABELS + ROWS, r"nRows 'many'"),
        (NEW.replace("endheader\n", "") + LABELS + ROWS, r"no line 'endheader'"),
        (NEW, r"ends after its header"),
        (NEW + LABELS, r"no row of numbers"),
        ("", r"no line 'endheader'"),
    ],
)  # fmt: skip
def test_refuses_a_broken_file_and_says_where(tmp_path, text, message):
    with pytest.raises(DataError, match=rf"broken\.mot.*{message}"):
        read_storage(save(tmp_path / "broken.mot", text))


def test_refuses_what_is_missing_damaged_or_too_large(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no such file"):
        read_storage(tmp_path / "absent.mot")
    whole = gzip.compress((OLD + LABELS + ROWS).encode())
    (tmp_path / "cut.mot.gz").write_bytes(whole[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        read_storage(tmp_path / "cut.mot.gz")
    monkeypatch.setattr(storage, "MAX_BYTES", 1 << 20)
    (tmp_path / "bomb.mot.gz").write_bytes(gzip.compress(bytes(2 << 20)))
    with pytest.raises(DataError, match="more than 1 MiB"):
        read_storage(tmp_path / "bomb.mot.gz")


@pytest.mark.parametrize("name", ["a.sto", "a.mot.gz"])
@pytest.mark.parametrize("in_degrees", [True, False, None])
def test_what_is_written_is_read_again_to_the_last_bit(tmp_path, name, in_degrees):
    rng = np.random.default_rng(0)
    table = Storage("My table", ("a", "b"), np.cumsum(rng.random(50)), rng.normal(size=(50, 2)), in_degrees, {"k": "v"})
    write_storage(tmp_path / name, table)
    again = read_storage(tmp_path / name)
    assert (again.name, again.columns, again.in_degrees) == ("My table", ("a", "b"), in_degrees)
    assert again.header["k"] == "v"
    np.testing.assert_array_equal(again.time, table.time)
    np.testing.assert_array_equal(again.data, table.data)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    table = Storage("t", ("a", "b"), np.arange(3.0), np.zeros((3, 1)))
    with pytest.raises(DataError, match=r"shape \(3, 1\)"):
        write_storage(tmp_path / "a.sto", table)
    with pytest.raises(DataError, match="does not exist"):
        write_storage(tmp_path / "no" / "a.sto", table)
    assert not list(tmp_path.iterdir())


def test_agrees_with_opensims_own_reader_and_writer(tmp_path):
    opensim = pytest.importorskip("opensim")
    opensim.Logger.setLevelString("Off")
    opensim.Logger.removeFileSink()
    rng = np.random.default_rng(1)
    table = Storage("ours", ("pelvis_tx", "hip_flexion_r"), np.arange(20) / 100, rng.normal(size=(20, 2)), True)
    write_storage(tmp_path / "ours.sto", table)
    theirs = opensim.TimeSeriesTable(str(tmp_path / "ours.sto"))
    assert theirs.getColumnLabels() == table.columns
    assert theirs.getTableMetaDataString("inDegrees") == "yes"
    np.testing.assert_array_equal(theirs.getMatrix().to_numpy(), table.data)
    opensim.STOFileAdapter.write(theirs, str(tmp_path / "theirs.sto"))
    np.testing.assert_allclose(read_storage(tmp_path / "theirs.sto").data, table.data, rtol=1e-14)


def test_reads_a_releases_files(release):
    folder = release.root / "subject4"
    motion = read_storage(folder / "OpenSimData/Mocap/IK/DJ1.mot")
    forces = read_storage(folder / "ForceData/DJ1_forces.mot")
    torques = read_storage(folder / "OpenSimData/Mocap/ID/DJ1.sto")
    frames, of_forces = {"made_up": (57, 90), "shared": (109, 269)}[release.kind]
    assert motion.data.shape == torques.data.shape == (frames, 35)
    assert forces.data.shape == (of_forces, 27)
    coordinates = coordinates_in_si(motion)
    # The coupled coordinate follows the knee angle: it can only do so in the same unit.
    for beta in DEPENDENT_COORDINATES:
        knee = coordinates[:, COORDINATES.index(beta.removesuffix("_beta"))]
        np.testing.assert_allclose(coordinates[:, COORDINATES.index(beta)], knee, atol=1e-6)
    assert 0.4 < coordinates[:, COORDINATES.index("pelvis_ty")].min() < 1.5
    assert set(torques.columns) == {
        name + ("_force" if name in TRANSLATIONS + DEPENDENT_COORDINATES else "_moment") for name in COORDINATES
    }
    # Another column order is another file with the same torques.
    assert torques.columns != tuple(sorted(torques.columns))
    order = np.argsort(torques.columns)
    other = Storage("", tuple(np.array(torques.columns)[order]), torques.time, torques.data[:, order], False)
    np.testing.assert_array_equal(generalized_forces(other), generalized_forces(torques))


def test_refuses_a_releases_file_cut_in_half(release, tmp_path):
    content = (release.mocap("subject4") / "IK/DJ1.mot").read_bytes()
    (tmp_path / "DJ1.mot").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"DJ1\.mot.*cut"):
        read_storage(tmp_path / "DJ1.mot")
