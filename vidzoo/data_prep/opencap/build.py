"""Build a data file from a folder in the layout of OpenCap's LabValidation release (Uhlrich et al. 2023).

Each trial is built in a process of its own, so that a crash in one does not stop the others. A trial that cannot be
built is listed in the report with the reason.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from vidzoo.anatomy import ACTION_FAMILIES, BENCHMARK_JOINTS, COORDINATES, action_family
from vidzoo.data_prep.opencap.options import BuildOptions
from vidzoo.data_prep.opencap.release import find_subjects, select_trials
from vidzoo.data_prep.opencap.subject import Subject, read_subject
from vidzoo.data_prep.opencap.trial import build_trial
from vidzoo.dynamics.opensim import default_lowpass_hz
from vidzoo.errors import ConfigError, DataError, VidZooError
from vidzoo.io.atomic import check_output
from vidzoo.io.data_file import DataFileWriter, Reason, Trial

MAX_IMAGE_SIZE = 2048


@dataclass(frozen=True)
class TrialReport:
    """The result of one trial."""

    subject: str
    trial: str
    action: str
    frames: int = 0
    images: int = 0
    valid_share: float = float("nan")
    """Good labels among those of the 11 benchmark joints."""
    note: str = ""
    """Remarks; where nothing was built, the reason."""
    built: bool = True


@dataclass(frozen=True)
class BuildReport:
    """What was built, what was left out, and why."""

    trials: tuple[TrialReport, ...]

    @property
    def built(self) -> tuple[TrialReport, ...]:
        """The trials that are in the file."""
        return tuple(trial for trial in self.trials if trial.built)

    @property
    def left_out(self) -> tuple[TrialReport, ...]:
        """The trials that are not."""
        return tuple(trial for trial in self.trials if not trial.built)

    def table(self) -> Table:
        """Return the report as a table for the terminal."""
        table = Table(title=f"{len(self.built)} trials built, {len(self.left_out)} left out")
        for name in ("subject", "trial", "action"):
            table.add_column(name, no_wrap=True)
        for name in ("frames", "images", "valid"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("source, or why it was left out", overflow="fold")
        for one in self.trials:
            numbers = (str(one.frames), str(one.images), f"{one.valid_share:.0%}") if one.built else ("-", "-", "-")
            note = one.note if one.built else f"left out: {one.note}"
            names = escape(one.subject), escape(one.trial), one.action
            table.add_row(*names, *numbers, escape(note), style=None if one.built else "yellow")
        return table


def build_opencap(
    root: str | Path,
    out: str | Path,
    options: BuildOptions | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> BuildReport:
    """Build the data file ``out`` from the LabValidation folder ``root``, ``jobs`` trials at a time.

    The file's settings hold the options (default: :class:`BuildOptions`'s), and what was left out and why. ``out`` is
    only written if at least one trial was built.

    Raises:
        DataError: the folder is missing or holds none of what was named, no trial at all could be built, or ``out`` is
            a file of the release.
        ConfigError: the image size is out of bounds.
    """
    root, out = Path(root), Path(out)
    options = options or BuildOptions()
    if not 16 <= options.image_size <= MAX_IMAGE_SIZE:
        raise ConfigError(f"image size {options.image_size}: expected 16 to {MAX_IMAGE_SIZE} pixels.")
    if out.is_dir():
        raise DataError(f"{out}: is a folder; name the data file to write, such as {out / 'vid.h5'}.")
    if out.exists():
        check_output(out, *(path for path in root.rglob("*") if path.suffix != ".h5"))
    selected = select_trials(find_subjects(root, options.subjects), options.trials)
    subjects = _read_subjects((folder for folder, _ in selected), options.mass_source)
    settings = {
        "source": "OpenCap LabValidation layout",
        **asdict(options),
        "jump_support_lowpass_hz": {family: default_lowpass_hz(family) for family in ACTION_FAMILIES},
    }
    with DataFileWriter(out, settings) as writer:
        report = _build_all(selected, subjects, options, writer, jobs, progress)
        if not report.built:
            first = report.left_out[0]
            raise DataError(
                f"{root}: nothing could be built, {len(selected)} trials left out; the first is "
                f"{first.subject}/{first.trial}: {first.note}"
            )
        settings["left_out"] = {f"{one.subject}/{one.trial}": one.note for one in report.left_out}
    return report


def _read_subjects(folders: Iterable[Path], mass_source: str) -> dict[Path, Subject | str]:
    """Read each subject once; where that is impossible, the reason takes its place."""
    subjects: dict[Path, Subject | str] = {}
    for folder in dict.fromkeys(folders):
        try:
            subjects[folder] = read_subject(folder, mass_source)
        except DataError as error:
            subjects[folder] = str(error)
    return subjects


def _build_all(
    selected: list[tuple[Path, str]],
    subjects: dict[Path, Subject | str],
    options: BuildOptions,
    writer: DataFileWriter,
    jobs: int,
    progress: bool,
) -> BuildReport:
    """Build the selected trials, add each to the file as soon as it is there, and report on all, in their order."""
    reports: dict[tuple[str, str], TrialReport] = {}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    bar = Progress(*columns, console=Console(stderr=True), disable=not progress)
    with ThreadPoolExecutor(jobs) as threads, bar:
        pending: dict[Future, tuple[str, str]] = {}
        for folder, name in selected:
            subject = subjects[folder]
            if isinstance(subject, Subject):
                pending[threads.submit(build_in_own_process, subject, name, options)] = (folder.name, name)
            else:
                reports[folder.name, name] = _report(folder.name, name, None, subject)
        task = bar.add_task("building trials", total=len(pending))
        try:
            for done in as_completed(list(pending)):
                key = pending.pop(done)  # frees the pictures of this trial once they are written
                trial, note = done.result()
                if trial is not None:
                    writer.add(trial)
                reports[key] = _report(*key, trial, note)
                bar.advance(task)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return BuildReport(tuple(reports[folder.name, name] for folder, name in selected))


def build_in_own_process(subject: Subject, trial: str, options: BuildOptions) -> tuple[Trial | None, str]:
    """Build a trial in a new process; return it with its remarks, or None with the reason.

    A crash of that process is a reason like any other.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_build_in_worker, subject, trial, options).result()
        except BrokenProcessPool:
            return None, "its worker process died (out of memory, or a crash in a library)"


def _build_in_worker(subject: Subject, trial: str, options: BuildOptions) -> tuple[Trial | None, str]:
    cv2.setNumThreads(1)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default", UserWarning)
            built, remarks = build_trial(subject, trial, options)
    except VidZooError as error:
        return None, str(error)
    except Exception as error:
        return None, f"unexpected {type(error).__name__}: {error}"
    told = dict.fromkeys(str(warning.message) for warning in caught if warning.category is UserWarning)
    return built, "; ".join([*remarks, *told])


def _report(subject: str, name: str, trial: Trial | None, note: str) -> TrialReport:
    action = action_family(name) or ""
    if trial is None:
        return TrialReport(subject, name, action, note=note, built=False)
    benchmark = [COORDINATES.index(joint) for joint in BENCHMARK_JOINTS]
    return TrialReport(
        subject,
        name,
        action,
        frames=len(trial.time),
        images=sum(len(track.jpegs) for track in trial.cameras.values()),
        valid_share=float((trial.validity[:, benchmark] == Reason.GOOD).mean()),
        note=note,
    )
