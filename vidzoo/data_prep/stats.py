"""Count the frames of a data file in the form of the VID paper's Table 6."""

from __future__ import annotations

from collections.abc import Mapping

from natsort import natsorted

from vidzoo.anatomy import ACTION_FAMILIES, action_family
from vidzoo.io.data_file import DataFile

FrameCounts = dict[str, dict[str, int]]
"""Subject -> trial -> frames."""


def frame_counts(data: DataFile) -> FrameCounts:
    """Return the number of frames of every trial."""
    counts: FrameCounts = {}
    for trial in data:
        counts.setdefault(trial.subject, {})[trial.trial] = trial.num_frames
    return counts


def total_minutes(data: DataFile) -> float:
    """Return the length of all trials together, min; each at its own rate."""
    return sum(trial.num_frames / trial.rate_hz for trial in data) / 60.0


def counts_table(counts: Mapping[str, Mapping[str, int]]) -> tuple[list[str], list[list[str | int]]]:
    """Return Table 6's header and rows: trial names by family and number, one column per subject, sums at the ends.

    >>> counts_table({"subject4": {"DJ1": 109}, "subject5": {"DJ1": 111, "DJ2": 110}})[1]
    [['DJ1', 109, 111, 220], ['DJ2', '', 110, 110], ['total', 109, 221, 330]]
    """
    subjects = list(counts)
    found = {trial: None for of_subject in counts.values() for trial in of_subject}
    families = {family: i for i, family in enumerate(ACTION_FAMILIES)}
    trials = natsorted(found, key=lambda trial: (families.get(action_family(trial) or "", len(families)), trial))
    rows: list[list[str | int]] = [
        [trial, *(counts[s].get(trial, "") for s in subjects), sum(counts[s].get(trial, 0) for s in subjects)]
        for trial in trials
    ]
    sums = [sum(counts[s].values()) for s in subjects]
    return ["trial", *subjects, "total"], [*rows, ["total", *sums, sum(sums)]]
