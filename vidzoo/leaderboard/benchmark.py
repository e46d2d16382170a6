"""Benchmarks: which frames of which data are predicted, and how they are scored, as versioned files."""

from __future__ import annotations

import re
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Literal

import h5py
import numpy as np
from pydantic import Field

from vidzoo import __version__
from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES
from vidzoo.errors import ConfigError
from vidzoo.evaluation.labels import load_labels
from vidzoo.evaluation.results import UNITS
from vidzoo.io.atomic import atomic_path
from vidzoo.io.data_file import DataFile
from vidzoo.io.data_file.content_hash import seal_file, seal_trial
from vidzoo.io.data_file.layout import LABELS_OF
from vidzoo.io.data_file.writer import BUILDER, LIBVER, write_root, write_trial_attributes
from vidzoo.io.hdf5 import set_texts
from vidzoo.io.provenance import file_sha256
from vidzoo.io.split_checks import check_split
from vidzoo.io.splits import PROTOCOLS, Split
from vidzoo.leaderboard.documents import (
    BENCHMARK_ID,
    BenchmarkId,
    BenchmarkName,
    Document,
    Figure,
    Line,
    Name,
    Sha256,
    canonical,
    read_document,
)

HIGHER_IS_BETTER = ("pearson_r", "R2")
RANKED_BY = "mPJE_mean"
"""Of a row ``overall``, good labels."""
_LABEL_ARRAYS = ("time", "torques", "validity")
_JOINTS = np.array([name in BENCHMARK_JOINTS for name in COORDINATES])


class Metric(Document):
    """How a figure is to be read."""

    unit: Line
    higher_is_better: bool


class Data(Document):
    """The data of a benchmark."""

    motion: Literal["real", "synthetic"]
    source: Line
    """Where to get it, or the command that makes it."""
    licence: Line
    vid_hash: Sha256 | None
    """Content hash of the data file behind the labels; None: the benchmark is not defined yet."""


class FrameSet(Document):
    """The split: a manifest beside the benchmark's file."""

    file: Annotated[str, Field(pattern=r"^[a-z_]{1,30}\.split\.json$")]
    sha256: Sha256
    frames_hash: Sha256
    """Of what is trained on and tested, whatever the bits of the file (:attr:`vidzoo.io.splits.Split.frames_hash`)."""
    leaks: bool


class LabelFile(Document):
    """The labels: a data file of nothing else beside the benchmark's file."""

    file: Annotated[str, Field(pattern=r"^labels-[0-9a-f]{8}\.h5$")]
    sha256: Sha256


class ClaimedRow(Document):
    """Published figures without predictions."""

    model: Name
    source: Line
    remark: Annotated[str, Field(max_length=1000)]
    overall: dict[str, Figure]
    joint: dict[str, Figure]
    family: dict[str, Figure]


class Benchmark(Document):
    """One protocol of one data set, under a name and a version that never change their meaning."""

    format: Literal["vid-benchmark"] = "vid-benchmark"
    version: Literal[1] = 1
    name: BenchmarkName
    protocol: Annotated[str, Field(pattern=f"^({'|'.join(PROTOCOLS)})$")]
    rule: Line
    data: Data
    split: FrameSet | None
    labels: LabelFile | None
    """None: the labels may not be passed on; whoever scores brings a data file of ``data.vid_hash``."""
    joints: tuple[Line, ...]
    metrics: dict[str, Metric]
    scorer: Line
    claimed: tuple[ClaimedRow, ...] = ()

    @property
    def id(self) -> str:
        """name@version/protocol."""
        return f"{self.name}/{self.protocol}"


def check_id(text: str) -> BenchmarkId:
    """Return ``text`` if it names a benchmark.

    Raises:
        ConfigError: it does not have that form.
    """
    if not re.fullmatch(BENCHMARK_ID, text) or text.partition("/")[2] not in PROTOCOLS:
        raise ConfigError(
            f"benchmark {text[:80]}: expected name@version/protocol, as in synth@1/trial; protocols are "
            f"{', '.join(PROTOCOLS)}."
        )
    return text


def write_labels(data: DataFile, path: Path) -> None:
    """Write a data file of the benchmark joints' labels alone: no images, no motion, other torques 0.

    A split of the file that it was made from fits it.
    """
    with atomic_path(path) as temporary, h5py.File(temporary, "w", libver=LIBVER) as out:
        write_root(out, data.settings, f"{BUILDER}: labels alone")
        set_texts(out.attrs, {LABELS_OF: data.content_hash})
        for trial in data:
            group = out.create_group(f"{trial.subject}/{trial.trial}")
            write_trial_attributes(group, trial)
            for name in _LABEL_ARRAYS:
                values = trial.array(name)
                if name != "time":
                    values = np.where(_JOINTS, values, np.zeros_like(values))
                group.create_dataset(name, data=values, **({"compression": "gzip"} if name == "torques" else {}))
            for camera in trial.cameras:
                kind = str(trial.camera_attribute(camera, "kind"))
                set_texts(group.create_group(f"cameras/{camera}").attrs, {"kind": kind})
            seal_trial(group)
        seal_file(out)


def define(
    folder: Path, name: str, data: DataFile, split: Split, source: str, licence: str, public: bool, rule: str
) -> Benchmark:
    """Write a benchmark into ``folder/<name>/``: its file, the split's manifest and, if ``public``, the labels.

    Args:
        folder: of the benchmarks.
        name: name@version.
        data: the data.
        split: of it.
        source: where the data can be had.
        licence: of the data.
        public: the labels may be passed on.
        rule: the protocol in words.

    Raises:
        ConfigError: there is such a benchmark already, or its name has another form.
        DataError: split and file do not belong together, the split breaks its protocol's promise, or they cannot be
            read or written.
    """
    check_id(f"{name}/{split.protocol}")
    path = folder / name / f"{split.protocol}.json"
    claimed = _claimed_so_far(path)
    check_split(split, data)
    motions = {trial.motion for trial in load_labels(data, (*split.train, *split.test)).trials}
    path.parent.mkdir(parents=True, exist_ok=True)
    manifest = path.with_name(f"{split.protocol}.split.json")
    split.save(manifest)
    motion: Literal["synthetic", "real"] = "synthetic" if "synthetic" in motions else "real"
    found = Benchmark(
        name=name,
        protocol=split.protocol,
        rule=rule,
        data=Data(motion=motion, source=source, licence=licence, vid_hash=data.content_hash),
        split=FrameSet(
            file=manifest.name, sha256=file_sha256(manifest), frames_hash=split.frames_hash, leaks=split.leaks
        ),
        labels=_label_file(data, path.parent) if public else None,
        joints=BENCHMARK_JOINTS,
        metrics=metrics(),
        scorer=f"vidzoo {__version__}",
        claimed=claimed,
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(canonical(found))
    return found


def _claimed_so_far(path: Path) -> tuple[ClaimedRow, ...]:
    """Return the published figures of a benchmark that waits to be defined; none where there is no such file."""
    if not path.exists():
        return ()
    waiting = read_document(Benchmark, path)
    if waiting.split is not None:
        raise ConfigError(f"{path}: is defined already and does not change; give the new one another version.")
    return waiting.claimed


def _label_file(data: DataFile, folder: Path) -> LabelFile:
    """Write the labels into the benchmark's folder, where another protocol has not done so, and name the file."""
    named = folder / f"labels-{data.content_hash[:8]}.h5"
    if not named.exists():
        write_labels(data, named)
    return LabelFile(file=named.name, sha256=file_sha256(named))


def metrics() -> dict[str, Metric]:
    """Return the metrics of a row and how each is read."""
    return {name: Metric(unit=unit, higher_is_better=name in HIGHER_IS_BETTER) for name, unit in UNITS.items()}


def ship(folder: Path) -> None:
    """Put the benchmarks that come with vidzoo into ``folder``, where it does not have them."""
    with as_file(files("vidzoo.leaderboard") / "benchmarks") as shipped:
        for source in sorted(shipped.glob("*/*")):
            target = folder / source.parent.name / source.name
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                with atomic_path(target) as temporary:
                    temporary.write_bytes(source.read_bytes())
