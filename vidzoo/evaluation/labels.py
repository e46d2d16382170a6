"""The labels of some frames of a data file, as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES
from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile, Reason, TrialReader
from vidzoo.io.splits import SplitEntry


@dataclass(frozen=True)
class Labels:
    """n frames of some trials, sorted by trial and frame, each frame once; Q joints."""

    trials: tuple[TrialReader, ...]
    unit: np.ndarray
    """[n] int: index into ``trials``."""
    frame: np.ndarray
    """[n] int64: the trial's frame index."""
    torques: np.ndarray
    """[n, Q] float64 N·m; NaN where the file holds no number."""
    reason: np.ndarray
    """[n, Q] uint8: why the label is not to be trusted (:class:`vidzoo.io.data_file.Reason`), 0 where it is."""
    starts: np.ndarray
    """[trials + 1] int: rows starts[u] to starts[u + 1] are of trial u."""

    def __len__(self) -> int:
        return len(self.frame)

    def _of_trials(self, name: str) -> np.ndarray:
        return np.array([getattr(trial, name) for trial in self.trials])[self.unit]

    @property
    def subject(self) -> np.ndarray:
        """[n] str."""
        return self._of_trials("subject")

    @property
    def trial(self) -> np.ndarray:
        """[n] str: the trials' names."""
        return self._of_trials("trial")

    @property
    def action(self) -> np.ndarray:
        """[n] str: the trials' actions."""
        return self._of_trials("action")

    @property
    def mass(self) -> np.ndarray:
        """[n] kg."""
        return self._of_trials("mass_kg")

    @property
    def height(self) -> np.ndarray:
        """[n] m; NaN where the file states no possible one."""
        height = self._of_trials("height_m")
        return np.where(height > 0, height, np.nan)

    @property
    def finite(self) -> np.ndarray:
        """[n, Q] bool: there is a number, good or bad."""
        return np.isfinite(self.torques)

    @property
    def valid(self) -> np.ndarray:
        """[n, Q] bool: the label is good."""
        return self.reason == Reason.GOOD


def load_labels(data: DataFile, entries: Sequence[SplitEntry], torques: Sequence[str] = BENCHMARK_JOINTS) -> Labels:
    """Read the target frames of ``entries``; a frame that several entries name (one per camera) is read once.

    Raises:
        DataError: an entry names a trial or a frame that the file does not have.
    """
    columns = [COORDINATES.index(name) for name in torques]
    frames: dict[tuple[str, str], list[np.ndarray]] = {}
    for entry in entries:
        frames.setdefault((entry.subject, entry.trial), []).append(entry.target_frames)
    trials, kept, values, reasons = [], [], [], []
    for (subject, name), parts in frames.items():
        index = np.unique(np.concatenate(parts))
        if not len(index):
            continue
        trial = data.trial(subject, name)
        if index[0] < 0 or index[-1] >= trial.num_frames:
            raise DataError(
                f"{data.path}: the split asks for frames {index[0]} to {index[-1]} of {subject}/{name}, which has "
                f"{trial.num_frames}; make the split again from this file with 'vidzoo split'."
            )
        value = trial.array("torques", index)[:, columns].astype(np.float64)
        reason = trial.array("validity", index)[:, columns]
        reasons.append(np.where(np.isfinite(value) | (reason != Reason.GOOD), reason, Reason.NOT_FINITE))
        trials.append(trial)
        kept.append(index)
        values.append(np.where(np.isfinite(value), value, np.nan))
    width = len(columns)
    sizes = [len(index) for index in kept]
    return Labels(
        trials=tuple(trials),
        unit=np.repeat(np.arange(len(trials)), sizes),
        frame=np.concatenate([*kept, np.empty(0, np.int64)]),
        torques=np.concatenate([*values, np.empty((0, width))]),
        reason=np.concatenate([*reasons, np.empty((0, width), np.uint8)]).astype(np.uint8),
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(int),
    )
