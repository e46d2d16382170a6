"""Draw predicted against measured torques over time, one small panel per joint (as the paper's figure 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.arrays import ranges
from vidzoo.errors import DataError
from vidzoo.evaluation.functional import mpje_joint
from vidzoo.evaluation.labels import load_labels
from vidzoo.evaluation.matching import check_origin
from vidzoo.evaluation.score import recording_errors
from vidzoo.io.atomic import atomic_path
from vidzoo.io.data_file import DataFile
from vidzoo.io.predictions import Predictions, benchmark_columns
from vidzoo.io.splits import Split

_COLUMNS = 4
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Distinguishable to colour-blind readers (Okabe and Ito)."""


@dataclass(frozen=True)
class RecordingCurves:
    """Torques of one recording over time: labels and predictions of n frames and Q joints."""

    time: np.ndarray
    """[n] s, increasing; lines are broken where frames are left out."""
    true: np.ndarray
    """[n, Q] N·m/kg; NaN where there is no number."""
    predicted: Mapping[str, np.ndarray]
    """Label of the legend -> [n, Q] N·m/kg."""
    valid: np.ndarray
    """[n, Q] bool; labels that do not count are shaded."""
    title: str
    """Says what is shown and how it was held out."""
    frame: np.ndarray
    """[n] int, the trial's frame numbers."""

    @property
    def step(self) -> float:
        """Seconds from one frame to the next."""
        return float(np.median(np.diff(self.time))) if len(self.time) > 1 else 0.01

    def broken(self, values: np.ndarray) -> np.ndarray:
        """Return values [n] with a NaN wherever frames are left out, so that no line is drawn over the gap."""
        gaps = np.flatnonzero(np.diff(self.time) > 1.5 * self.step) + 1
        return np.insert(values.astype(float), gaps, np.nan)

    def legend(self, axis: Axes) -> list[Artist]:
        """Return one entry of a legend for each kind of line and for the shading."""
        entries: list[Artist] = [axis.plot([], [], color="black", lw=1.4, label="label (inverse dynamics)")[0]]
        entries += [axis.plot([], [], color=c, lw=1.2, label=n)[0] for n, c in zip(self.predicted, cycle(_COLOURS))]
        if not self.valid.all():
            entries.append(axis.fill([], [], color="0.85", label="label not trusted")[0])
        return entries


def draw_curves(axis: Axes, curves: RecordingCurves, joint: int) -> None:
    """Draw one joint's label, predictions and doubtful stretches into a panel."""
    for start, stop in ranges(~curves.valid[:, joint]):
        axis.axvspan(curves.time[start] - curves.step / 2, curves.time[stop - 1] + curves.step / 2, color="0.85", lw=0)
    axis.axhline(0, color="0.8", lw=0.6, zorder=0)
    time = curves.broken(curves.time)
    axis.plot(time, curves.broken(curves.true[:, joint]), color="black", lw=1.4, zorder=3)
    for values, colour in zip(curves.predicted.values(), cycle(_COLOURS)):
        axis.plot(time, curves.broken(values[:, joint]), color=colour, lw=1.2)
    axis.margins(x=0)


def plot_torque_curves(curves: RecordingCurves, joints: Sequence[str] = BENCHMARK_JOINTS) -> Figure:
    """Draw one recording, a panel for each of the Q ``joints``; its heading states mPJE_joint over the good labels."""
    rows = -(-(len(joints) + 1) // _COLUMNS)
    figure = Figure(figsize=(3.6 * _COLUMNS, 2.3 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, _COLUMNS, sharex=True, squeeze=False).ravel()
    ones = np.ones(len(curves.time))
    for j, (joint, axis) in enumerate(zip(joints, axes)):
        draw_curves(axis, curves, j)
        true, valid = curves.true[:, [j]], curves.valid[:, [j]]
        errors = [mpje_joint(v[:, [j]], true, ones, valid)[0] for v in curves.predicted.values()]
        said = ", ".join("no good label" if np.isnan(error) else f"{error:.3f}" for error in errors)
        axis.set_title(f"{joint}  ({said})", fontsize=9)
        axis.tick_params(labelsize=8, labelbottom=j + _COLUMNS >= len(joints))
    for axis in axes[len(joints) :]:
        axis.axis("off")
    note = "in brackets: mPJE_joint\nof this trial, N·m/kg"
    legend = curves.legend(axes[0])
    axes[len(joints)].legend(handles=legend, loc="center", frameon=False, fontsize=9, title=note, title_fontsize=8)
    figure.supxlabel("time (s)", fontsize=9)
    figure.supylabel("torque (N·m/kg)", fontsize=9)
    figure.suptitle(curves.title, fontsize=10)
    return figure


def save_figure(figure: Figure, path: str | Path, dpi: int = 120) -> None:
    """Write a figure in the format that the file's name ends in, under a temporary name; then rename it.

    Raises:
        DataError: the format is unknown, the folder does not exist, or ``path`` is a folder or cannot be written.
    """
    canvas, suffix = FigureCanvasAgg(figure), Path(path).suffix[1:].lower()
    with atomic_path(path) as temporary:
        if suffix not in canvas.get_supported_filetypes():
            raise DataError(f"{path}: there is no such picture format; give a name that ends in .png, .pdf or .svg.")
        canvas.print_figure(temporary, dpi=dpi, format=suffix)


def typical_recording(predictions: Predictions, data: DataFile, split: Split) -> tuple[str, str]:
    """Return the test recording (subject, trial) whose mPJE_mean is nearest to the median.

    Raises:
        DataError: the predictions do not fit the split, or no recording has a good label.
    """
    errors = recording_errors(predictions, data, split)
    if not errors:
        raise DataError(f"{data.path}: no test recording has a good label; name one with --subject and --trial.")
    median = float(np.median(list(errors.values())))
    return min(errors, key=lambda recording: abs(errors[recording] - median))


def recording_curves(
    predictions: Predictions, data: DataFile, split: Split, subject: str, trial: str
) -> RecordingCurves:
    """Gather the test frames of one recording: predictions, one line for each camera, and the file's labels.

    Raises:
        DataError: the recording is not in the split's test subset, or the predictions are another split's or lack some
            of its frames.
    """
    check_origin(predictions, data, split)
    entries = [entry for entry in split.test if (entry.subject, entry.trial) == (subject, trial)]
    if not entries:
        known = ", ".join(dict.fromkeys(f"{entry.subject}/{entry.trial}" for entry in split.test))
        raise DataError(f"{subject}/{trial} is not in the split's test subset; it holds {known[:500]}.")
    labels = load_labels(data, entries)
    mine = (predictions.subject == subject) & (predictions.trial == trial)
    columns = benchmark_columns(predictions.torque_names, "predictions")
    mass = labels.trials[0].mass_kg
    lines, kinds = {}, set()
    for camera in sorted(set(predictions.camera[mine].tolist())):
        rows = np.flatnonzero(mine & (predictions.camera == camera))
        rows = rows[np.argsort(predictions.frame[rows])]
        place = np.searchsorted(predictions.frame[rows], labels.frame)
        found = place < len(rows)
        found[found] = predictions.frame[rows][place[found]] == labels.frame[found]
        if not found.all():
            raise DataError(
                f"the predictions lack {np.count_nonzero(~found)} of {len(found)} test frames of {subject}/{trial}, "
                f"the first is frame {labels.frame[~found][0]}; test the model on this split."
            )
        lines[f"predicted{f' from {camera}' if camera else ''}"] = predictions.torques[rows[place]][:, columns] / mass
        if camera and camera in labels.trials[0].cameras:
            kinds.add(str(labels.trials[0].camera_attribute(camera, "kind")))
    if not lines:
        raise DataError(f"the predictions hold no frame of {subject}/{trial}; test the model on this split.")
    images = f"{' and '.join(sorted(kinds))} images" if kinds else "no images"
    leaks = " (leaks)" if split.leaks else ""
    title = (
        f"{subject} {trial} · held out by protocol {split.protocol}{leaks} · {labels.trials[0].motion} motion, {images}"
    )
    time = labels.trials[0].array("time", labels.frame)
    return RecordingCurves(time, labels.torques / mass, lines, labels.valid, title, labels.frame)


def plot_recording(predictions: Predictions, data: DataFile, split: Split, subject: str, trial: str) -> Figure:
    """Draw every joint of one test recording.

    Raises:
        DataError: as :func:`recording_curves`.
    """
    return plot_torque_curves(recording_curves(predictions, data, split, subject, trial))
