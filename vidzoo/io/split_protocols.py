"""The protocols: pure rules that turn the trials of a data file into a split (paper.md section 5's six, torch-free).

======================  ============================================================================================
``block``               the last share of each trial tests; a gap of at least one window belongs to neither subset
``trial``               whole trials test, stratified by action family
``loso``                all trials of the held-out subjects test
``loao``                all trials of the held-out action families test
``cross_camera``        all frames on both subsets; the held-out cameras' images test
``random_frame``        single frames at random test; leaks, kept for comparison only
======================  ============================================================================================
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from tabulate import tabulate

from vidzoo.anatomy import ACTION_FAMILIES, action_family
from vidzoo.arrays import ranges
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import DataFile, TrialReader
from vidzoo.io.splits import PROTOCOLS, Split, SplitEntry

TEST_SHARE = 0.2
"""The paper's 8:2."""
GAP = 13
"""Frames between the subsets of ``block``: the paper's window."""
_SETTINGS = {
    "block": ("test_share", "gap"),
    "trial": ("test_share", "seed"),
    "loso": ("held_out",),
    "loao": ("held_out",),
    "cross_camera": ("held_out",),
    "random_frame": ("test_share", "seed"),
}

Subsets = tuple[list[SplitEntry], list[SplitEntry]]


def make_split(
    data: DataFile,
    protocol: str,
    *,
    test_share: float | None = None,
    gap: int | None = None,
    seed: int | None = None,
    held_out: Sequence[str] = (),
) -> Split:
    """Divide a data file's frames into training and test by one protocol.

    Frames without a good label are targets too: a loss leaves them out, a score on all labels does not.

    Args:
        data: the file.
        protocol: one of ``splits.PROTOCOLS``.
        test_share: share that tests (``block``, ``trial``, ``random_frame``); 0.2 if None.
        gap: frames of neither subset between the two (``block``); 13 if None. At least the window of the model.
        seed: of the draw (``trial``, ``random_frame``); 0 if None.
        held_out: subjects (``loso``), action families (``loao``) or cameras (``cross_camera``).

    Raises:
        ConfigError: a setting that the protocol has no use for, or a value out of range.
        DataError: one subset would be empty.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"there is no protocol '{protocol}'; choose one of {', '.join(PROTOCOLS)}.")
    given = {"test_share": test_share, "gap": gap, "seed": seed, "held_out": held_out or None}
    for name, value in given.items():
        if value is not None and name not in _SETTINGS[protocol]:
            raise ConfigError(f"protocol '{protocol}' has no use for {name}; leave it out.")
    share = TEST_SHARE if test_share is None else test_share
    gap = GAP if gap is None else gap
    seed = 0 if seed is None else seed
    if seed < 0:
        raise ConfigError(f"seed is {seed}; it must be 0 or more.")
    if not 0 < share < 1:
        raise ConfigError(f"test_share is {share}; it must lie between 0 and 1, such as {TEST_SHARE}.")
    if gap < 0:
        raise ConfigError(f"gap is {gap} frames; it must be 0 or more, such as {GAP}.")
    if "held_out" in _SETTINGS[protocol] and not held_out:
        what = {"loso": "subjects", "loao": "action families", "cross_camera": "cameras"}[protocol]
        raise ConfigError(f"protocol '{protocol}' must be told which {what} to hold out.")

    trials = list(data)
    subsets = {
        "block": lambda: _block(trials, share, gap),
        "trial": lambda: _trial(trials, share, seed),
        "loso": lambda: _loso(trials, held_out),
        "loao": lambda: _loao(trials, held_out),
        "cross_camera": lambda: _cross_camera(trials, held_out),
        "random_frame": lambda: _random_frame(trials, share, seed),
    }[protocol]()
    for name, subset in zip(("train", "test"), subsets):
        if not any(entry.num_targets for entry in subset):
            raise DataError(
                f"{data.path}: protocol '{protocol}' leaves the {name} subset of its {len(trials)} trials empty; "
                f"choose another protocol or other settings."
            )
    used = {"test_share": share, "gap": gap, "held_out": sorted(held_out)}
    settings = {name: used[name] for name in _SETTINGS[protocol] if name != "seed"}
    return Split(protocol, seed, data.content_hash, settings, tuple(subsets[0]), tuple(subsets[1]))


def check_split(split: Split, data: DataFile) -> None:
    """Check that a split was made for this data file, asks for frames that are there and does what its protocol says.

    Raises:
        DataError: it was made for another file, names frames outside a trial, shows training a frame that tests
            (``random_frame`` alone may; in ``cross_camera`` the subsets share frames, but no camera).
    """
    if split.data_hash != data.content_hash:
        raise DataError(
            f"{data.path}: the split was made for another data file (content {split.data_hash[:12]}, this one has "
            f"{data.content_hash[:12]}); make it again with tools/make_split.py."
        )
    for entry in (*split.train, *split.test):
        frames = data.trial(entry.subject, entry.trial).num_frames
        bounds = [entry.context[0], *(b for target in entry.targets for b in target), entry.context[1]]
        if not 0 <= entry.context[0] < entry.context[1] <= frames or bounds != sorted(bounds):
            raise DataError(
                f"{data.path}: the split's entry {entry.subject}/{entry.trial} {entry.context} is out of order or "
                f"outside the trial's {frames} frames; make it again with tools/make_split.py."
            )
    if split.protocol == "cross_camera":
        train, test = ({camera for entry in subset for camera in entry.cameras} for subset in (split.train, split.test))
        if train & test or not all(entry.cameras for entry in (*split.train, *split.test)):
            raise DataError(
                f"{data.path}: the split's subsets share the camera '{min(train & test, default='')}', or an entry "
                f"names none; hold cameras out again with tools/make_split.py."
            )
    elif not split.leaks:
        _check_apart(split, data)


def _check_apart(split: Split, data: DataFile) -> None:
    """Raise where a frame that a training window may see is one that a test window may see."""
    contexts: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for number, subset in enumerate((split.train, split.test)):
        for entry in subset:
            contexts[entry.subject, entry.trial].append((*entry.context, number))
    for (subject, trial), stretches in contexts.items():
        reached = [0, 0]
        for start, stop, number in sorted(stretches):
            if start < reached[1 - number]:
                raise DataError(
                    f"{data.path}: the split trains and tests on frame {start} of {subject}/{trial}, which protocol "
                    f"'{split.protocol}' excludes; make it again with tools/make_split.py."
                )
            reached[number] = max(reached[number], stop)


def split_table(split: Split, data: DataFile) -> str:
    """Return a table of the trials and frames of each subset per action family."""
    counts: dict[str, np.ndarray] = {family: np.zeros(4, dtype=int) for family in ACTION_FAMILIES}
    for column, subset in enumerate((split.train, split.test)):
        for entry in subset:
            family = data.trial(entry.subject, entry.trial).action
            counts.setdefault(family, np.zeros(4, dtype=int))
            counts[family][[2 * column, 2 * column + 1]] += (1, entry.num_targets)
    rows = [[family, *count] for family, count in counts.items() if count.any()]
    rows.append(["all", *np.sum([row[1:] for row in rows], axis=0)])
    headers = ["family", "train trials", "train frames", "test trials", "test frames"]
    settings = ", ".join(f"{k} {v}" for k, v in split.settings.items())
    lines = [f"protocol {split.protocol} ({settings}; seed {split.seed})", tabulate(rows, headers, intfmt=",")]
    return "\n".join([*lines, f"split hash {split.hash}"])


def _whole(trial: TrialReader, cameras: tuple[str, ...] = ()) -> SplitEntry:
    frames = (0, trial.num_frames)
    return SplitEntry(trial.subject, trial.trial, frames, (frames,), cameras)


def _test_frames(frames: int, share: float) -> int:
    return min(max(round(frames * share), 1), frames)


def _block(trials: Iterable[TrialReader], share: float, gap: int) -> Subsets:
    """A trial too short for a gap and both subsets tests only."""
    subsets: Subsets = ([], [])
    for trial in trials:
        start = trial.num_frames - _test_frames(trial.num_frames, share)
        for subset, (first, stop) in zip(subsets, ((0, start - gap), (start, trial.num_frames))):
            if first < stop:
                subset.append(SplitEntry(trial.subject, trial.trial, (first, stop), ((first, stop),)))
    return subsets


def _trial(trials: Sequence[TrialReader], share: float, seed: int) -> Subsets:
    """Hold out whole trials, family by family.

    Each family of n >= 2 trials gives round(n * share) of them, at least one and at most n - 1; a single trial trains.
    They are drawn one subject after the other, round by round, in random order; a subject's last trial of the family
    is drawn only when nobody has another to give, so that training has seen the subject do it.
    """
    rng = np.random.default_rng(seed)
    test: set[tuple[str, str]] = set()
    for family in sorted({trial.action for trial in trials}):
        by_subject: dict[str, list[str]] = defaultdict(list)
        for trial in trials:
            if trial.action == family:
                by_subject[trial.subject].append(trial.trial)
        total = sum(map(len, by_subject.values()))
        subjects = [str(s) for s in rng.permutation(sorted(by_subject))]
        draws = {s: [str(t) for t in rng.permutation(by_subject[s])] for s in subjects}
        spare = [(turn, s, t) for s in subjects for turn, t in enumerate(draws[s][:-1])]
        last = [(len(draws[s]), s, draws[s][-1]) for s in subjects]
        order = sorted(spare, key=lambda d: d[0]) + sorted(last, key=lambda d: d[0])
        if total >= 2:
            test.update((s, t) for _, s, t in order[: min(max(round(total * share), 1), total - 1)])
    return (
        [_whole(trial) for trial in trials if (trial.subject, trial.trial) not in test],
        [_whole(trial) for trial in trials if (trial.subject, trial.trial) in test],
    )


def _check_known(what: str, names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(
                f"there is no {what} '{name}' in the file to hold out; it has {', '.join(sorted(known))}."
            )


def _loso(trials: Sequence[TrialReader], held_out: Sequence[str]) -> Subsets:
    _check_known("subject", held_out, {trial.subject for trial in trials})
    return (
        [_whole(trial) for trial in trials if trial.subject not in held_out],
        [_whole(trial) for trial in trials if trial.subject in held_out],
    )


def _loao(trials: Sequence[TrialReader], held_out: Sequence[str]) -> Subsets:
    families = {action_family(name) or name for name in held_out}
    _check_known("action family", families, {trial.action for trial in trials})
    return (
        [_whole(trial) for trial in trials if trial.action not in families],
        [_whole(trial) for trial in trials if trial.action in families],
    )


def _cross_camera(trials: Sequence[TrialReader], held_out: Sequence[str]) -> Subsets:
    _check_known("camera", held_out, {camera for trial in trials for camera in trial.cameras})
    subsets: Subsets = ([], [])
    for trial in trials:
        train = tuple(camera for camera in trial.cameras if camera not in held_out)
        test = tuple(camera for camera in trial.cameras if camera in held_out)
        for subset, cameras in zip(subsets, (train, test)):
            if cameras:
                subset.append(_whole(trial, cameras))
    return subsets


def _random_frame(trials: Sequence[TrialReader], share: float, seed: int) -> Subsets:
    rng = np.random.default_rng(seed)
    subsets: Subsets = ([], [])
    for trial in trials:
        is_test = np.zeros(trial.num_frames, dtype=bool)
        is_test[rng.choice(trial.num_frames, _test_frames(trial.num_frames, share), replace=False)] = True
        for subset, mask in zip(subsets, (~is_test, is_test)):
            if mask.any():
                subset.append(SplitEntry(trial.subject, trial.trial, (0, trial.num_frames), tuple(ranges(mask))))
    return subsets
