"""Data files to split."""

from __future__ import annotations

import pytest
from split_data import SMALL, SUBJECT4, empty_trial

from vidzoo.io.data_file import DataFile, DataFileWriter


@pytest.fixture(scope="session")
def subject4(tmp_path_factory) -> DataFile:
    path = tmp_path_factory.mktemp("subject4") / "vid.h5"
    with DataFileWriter(path, {}) as writer:
        for name, frames in SUBJECT4.items():
            writer.add(empty_trial("subject4", name, frames))
    return DataFile(path)


@pytest.fixture(scope="session")
def several(tmp_path_factory) -> DataFile:
    """Four subjects with four trials; subject5's walking1 lacks Cam1."""
    path = tmp_path_factory.mktemp("several") / "vid.h5"
    with DataFileWriter(path, {}) as writer:
        for subject in ("subject2", "subject3", "subject4", "subject5"):
            for name, frames in SMALL.items():
                lacks = (subject, name) == ("subject5", "walking1")
                writer.add(empty_trial(subject, name, frames, ("Cam0",) if lacks else ("Cam0", "Cam1")))
    return DataFile(path)
