"""What the metadata and the force plates say of a person, and what is not believed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from opencap_builds import build, edit, remarks

from vidzoo.data_prep.opencap import build_opencap, force_plate_mass, read_subject
from vidzoo.errors import DataError
from vidzoo.io.storage import read_storage, write_storage


def test_mass_from_the_plates(opencap_root: Path) -> None:
    trial = build(opencap_root, mass_source="force_plate", cameras=("none",))
    assert trial.mass_kg == trial.mass_force_plate_kg == pytest.approx(60.0, rel=1e-3)
    assert trial.mass_metadata_kg == 62.0


def test_masses_that_differ_are_remarked(root: Path) -> None:
    told = "metadata 62.0 kg, force plates 60.0 kg: both are stored, metadata counts"
    assert told in remarks(root)
    edit(root / "subject1/sessionMetadata.yaml", "mass_kg: 62.0", "mass_kg: 61.5")
    assert "force plates" not in remarks(root)
    shutil.rmtree(root / "subject1/ForceData")
    assert "force plates" not in remarks(root)


@pytest.mark.parametrize("mass", ["0", "-5", "nan", "abc", "", "62600"])
def test_a_mass_that_is_none(root: Path, tmp_path: Path, mass: str) -> None:
    edit(root / "subject1/sessionMetadata.yaml", "mass_kg: 62.0", f"mass_kg: {mass}")
    with pytest.raises(DataError, match=r"nothing could be built.*mass_kg is .*--mass-source force_plate"):
        build_opencap(root, tmp_path / "out.h5", progress=False)
    assert not list(tmp_path.glob("*out.h5*"))
    assert read_subject(root / "subject1", "force_plate").mass_force_plate_kg == pytest.approx(60, rel=1e-3)


def test_metadata_that_say_too_little(root: Path) -> None:
    path = root / "subject1/sessionMetadata.yaml"
    path.write_text("mass_kg: 62.0\nheight_m: 1.7\n")
    assert read_subject(root / "subject1", "metadata").sex == ""
    path.write_text("mass_kg: 62.0\nheight_m: 170\n")
    with pytest.raises(DataError, match="height_m is 170, expected metres"):
        read_subject(root / "subject1", "metadata")
    path.write_text("mass_kg: 62.0\nheight_m: 1.7\ndate: 2022-02-30\n")  # a malformed date is not read
    assert read_subject(root / "subject1", "metadata").mass_metadata_kg == 62.0
    deep = "a: " + "[" * 5000 + "]" * 5000
    for text in ("mass_kg: [62.0\n", deep, "mass_kg: 62.0\n" * (1 << 17), "mass_kg: \x00"):
        path.write_text(text)
        with pytest.raises(DataError, match="no valid YAML"):
            read_subject(root / "subject1", "metadata")
    path.write_text("a0: &a0 [1, 2]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)))
    for mass in ("", "mass_kg: *a59\n", "mass_kg: true\n", "mass_kg:\n"):
        path.write_text(path.read_text().partition("mass_kg")[0] + mass)
        with pytest.raises(DataError, match=r"mass_kg is (missing|no single value|true), expected"):
            read_subject(root / "subject1", "metadata")
    path.unlink()
    with pytest.raises(DataError, match="no such file"):
        read_subject(root / "subject1", "metadata")


def test_plates_that_do_not_carry_the_whole_body_weigh_nobody(root: Path) -> None:
    path = root / "subject1/ForceData/squats1_forces.mot"
    table = read_storage(path)
    table.data[1000:1200, 1] = 0  # a foot leaves its plate for 0.2 s and bears half the body
    table.data[1000:1200, 10] *= 0.9
    write_storage(path, table)
    assert np.isnan(force_plate_mass(root / "subject1"))
    with pytest.raises(DataError, match="no squat or static recording"):
        read_subject(root / "subject1", "force_plate")
