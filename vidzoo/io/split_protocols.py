"""The protocols: pure rules that turn the trials of a data file into a split (seven protocols; without torch).

======================  ============================================================================================
``block``               the last share of each trial tests; a gap of at least one window belongs to no subset
``trial``               whole trials test, stratified by action
``loso``                all trials of the held-out subjects test
``loao``                all trials of the held-out actions test
``cross_camera``        all frames in both subsets; the held-out cameras' images test
``transfer``            held-out trials test, as the test cameras saw them; others train, as the training cameras did
``random_frame``        single frames at random test; leaks, kept for comparison only
======================  ============================================================================================

A third subset, ``val``, is taken out of the training frames where it is asked for: whole trials of an action that has
enough of them, else the last frames of each of its trials behind a gap; in ``random_frame`` single frames.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tabulate import tabulate

from vidzoo.anatomy import ACTION_FAMILIES, action_family
from vidzoo.arrays import ranges
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import DataFile, TrialReader
from vidzoo.io.splits import PROTOCOLS, SUBSETS, Split, SplitEntry

TEST_SHARE = 0.2
"""The paper's 8:2."""
GAP = 13
"""Frames between the subsets of a trial: the paper's window."""
_SETTINGS = {
    "block": ("test_share", "gap"),
    "trial": ("test_share", "seed"),
    "loso": ("held_out",),
    "loao": ("held_out",),
    "cross_camera": ("held_out",),
    "transfer": ("held_out", "train_cameras", "test_cameras"),
    "random_frame": ("test_share", "seed"),
}

Entries = list[SplitEntry]


def make_split(
    data: DataFile,
    protocol: str,
    *,
    test_share: float | None = None,
    gap: int | None = None,
    seed: int | None = None,
    held_out: Sequence[str] = (),
    train_cameras: Sequence[str] = (),
    test_cameras: Sequence[str] = (),
    val_share: float | None = None,
) -> Split:
    """Divide a data file's frames into training, test and perhaps validation by one protocol.

    Frames without a good label are targets too: a loss leaves them out, a score on all labels does not.

    Args:
        data: the file.
        protocol: one of ``splits.PROTOCOLS``.
        test_share: share that tests (``block``, ``trial``, ``random_frame``); 0.2 if None.
        gap: frames of no subset between two subsets of a trial (``block``, ``val_share``); 13 if None. At least the
            window of the model.
        seed: of the draw (``trial``, ``random_frame``, ``val_share``); 0 if None.
        held_out: subjects (``loso``), actions (``loao``), cameras (``cross_camera``), or trials by any name of
            :meth:`SplitEntry.is_named` (``transfer``).
        train_cameras: whose images train and validate (``transfer``).
        test_cameras: whose images test (``transfer``).
        val_share: share of the training frames that validates instead; None: no ``val`` subset.

    Raises:
        ConfigError: a setting that the protocol has no use for, or a value out of range.
        DataError: one subset would be empty.
    """
    given = {"test_share": test_share, "gap": gap, "seed": seed, "held_out": held_out or None}
    given |= {"train_cameras": train_cameras or None, "test_cameras": test_cameras or None}
    _check_settings(protocol, given, val_share)
    share = TEST_SHARE if test_share is None else test_share
    gap = GAP if gap is None else gap
    seed = 0 if seed is None else seed

    trials = list(data)
    train, test = {
        "block": lambda: _block(trials, share, gap),
        "trial": lambda: _trial(trials, share, seed),
        "loso": lambda: _loso(trials, held_out),
        "loao": lambda: _loao(trials, held_out),
        "cross_camera": lambda: _cross_camera(trials, held_out),
        "transfer": lambda: _transfer(trials, held_out, train_cameras, test_cameras),
        "random_frame": lambda: _random_frame(trials, share, seed),
    }[protocol]()
    used = {"test_share": share, "gap": gap, "held_out": sorted(held_out)}
    used |= {"train_cameras": sorted(train_cameras), "test_cameras": sorted(test_cameras)}
    settings: dict[str, Any] = {name: used[name] for name in _SETTINGS[protocol] if name != "seed"}
    val: Entries = []
    if val_share is not None:
        if protocol == "random_frame":
            train, val, settings["val"] = _random_val(train, val_share, seed)
        else:
            actions = {(trial.subject, trial.trial): trial.action for trial in trials}
            train, val, settings["val"] = _val(train, actions, val_share, gap, seed)
    for name, entries in (("train", train), ("val", val), ("test", test)):
        if not any(entry.num_targets for entry in entries) and (name != "val" or val_share is not None):
            raise DataError(
                f"{data.path}: protocol '{protocol}' leaves the {name} subset of its {len(trials)} trials empty; "
                f"choose another protocol or other settings."
            )
    return Split(protocol, seed, data.content_hash, settings, tuple(train), tuple(test), tuple(val))


def _check_settings(protocol: str, given: dict[str, Any], val_share: float | None) -> None:
    if protocol not in PROTOCOLS:
        raise ConfigError(f"there is no protocol '{protocol}'; choose one of {', '.join(PROTOCOLS)}.")
    useful = (*_SETTINGS[protocol], *(("gap", "seed") if val_share is not None else ()))
    for name, value in given.items():
        if value is not None and name not in useful:
            raise ConfigError(f"protocol '{protocol}' has no use for {name}; leave it out.")
    for name, share, such_as in (("test_share", given["test_share"], TEST_SHARE), ("val_share", val_share, 0.1)):
        if share is not None and not 0 < share < 1:
            raise ConfigError(f"{name} is {share}; it must lie between 0 and 1, such as {such_as}.")
    if given["seed"] is not None and given["seed"] < 0:
        raise ConfigError(f"seed is {given['seed']}; it must be 0 or more.")
    if given["gap"] is not None and given["gap"] < 0:
        raise ConfigError(f"gap is {given['gap']} frames; it must be 0 or more, such as {GAP}.")
    if "held_out" in useful and not given["held_out"]:
        what = {"loso": "subjects", "loao": "actions", "cross_camera": "cameras"}.get(protocol, "trials or actions")
        raise ConfigError(f"protocol '{protocol}' must be told which {what} to hold out.")
    for does in ("train", "test"):
        if protocol == "transfer" and not given[f"{does}_cameras"]:
            raise ConfigError(f"protocol 'transfer' must be told which cameras {does}; name them as {does}_cameras.")


def split_table(split: Split, data: DataFile) -> str:
    """Return a table of the trials and frames of each subset per action."""
    subsets = [name for name in SUBSETS if name != "val" or split.val]
    counts: dict[str, np.ndarray] = {action: np.zeros(2 * len(subsets), dtype=int) for action in ACTION_FAMILIES}
    for column, subset in enumerate(subsets):
        for entry in getattr(split, subset):
            action = data.trial(entry.subject, entry.trial).action
            counts.setdefault(action, np.zeros(2 * len(subsets), dtype=int))
            counts[action][[2 * column, 2 * column + 1]] += (1, entry.num_targets)
    rows = [[action, *count] for action, count in counts.items() if count.any()]
    rows.append(["all", *np.sum([row[1:] for row in rows], axis=0)])
    headers = ["action", *(f"{name} {what}" for name in subsets for what in ("trials", "frames"))]
    settings = ", ".join(f"{k} {v}" for k, v in split.settings.items() if k != "val")
    lines = [f"protocol {split.protocol} ({settings}; seed {split.seed})", tabulate(rows, headers, intfmt=",")]
    if split.val:
        lines.append("val: " + ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in split.settings["val"].items()))
    return "\n".join([*lines, f"split hash {split.hash}"])


def _whole(trial: TrialReader, cameras: tuple[str, ...] = ()) -> SplitEntry:
    frames = (0, trial.num_frames)
    return SplitEntry(trial.subject, trial.trial, frames, (frames,), cameras)


def _share_of(frames: int, share: float) -> int:
    return min(max(round(frames * share), 1), frames)


# --- the protocols --------------------------------------------------------------------------------------------------
def _block(trials: Iterable[TrialReader], share: float, gap: int) -> tuple[Entries, Entries]:
    """A trial too short for a gap and both subsets tests only."""
    train, test = [], []
    for trial in trials:
        before, after = _cut(_whole(trial), share, gap)
        train += before
        test.append(after)
    return train, test


def _cut(entry: SplitEntry, share: float, gap: int) -> tuple[Entries, SplitEntry]:
    """Return what is left of an entry before its last share and a gap (one entry or none), and that last share."""
    first, stop = entry.context
    start = stop - _share_of(stop - first, share)
    parts = [replace(entry, context=part, targets=(part,)) for part in ((first, start - gap), (start, stop))]
    return [part for part in parts[:1] if part.num_targets > 0], parts[1]


def _trial(trials: Sequence[TrialReader], share: float, seed: int) -> tuple[Entries, Entries]:
    """Hold out whole trials, action by action.

    Each action of n >= 2 trials gives round(n * share) of them, at least one and at most n - 1; a single trial trains.
    """
    rng = np.random.default_rng(seed)
    test: set[tuple[str, str]] = set()
    for action in sorted({trial.action for trial in trials}):
        names = [(trial.subject, trial.trial) for trial in trials if trial.action == action]
        test.update(_draw(names, min(max(round(len(names) * share), 1), len(names) - 1), rng))
    return (
        [_whole(trial) for trial in trials if (trial.subject, trial.trial) not in test],
        [_whole(trial) for trial in trials if (trial.subject, trial.trial) in test],
    )


def _draw(names: Sequence[tuple[str, str]], count: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Draw some of an action's trials (subject, trial).

    They are drawn one subject after the other, round by round, in random order; a subject's last trial of the action
    is drawn only when no other subject has one to spare, so that training has seen the subject do it.
    """
    by_subject: dict[str, list[str]] = defaultdict(list)
    for subject, trial in names:
        by_subject[subject].append(trial)
    subjects = [str(s) for s in rng.permutation(sorted(by_subject))]
    draws = {s: [str(t) for t in rng.permutation(by_subject[s])] for s in subjects}
    spare = [(turn, s, t) for s in subjects for turn, t in enumerate(draws[s][:-1])]
    last = [(len(draws[s]), s, draws[s][-1]) for s in subjects]
    order = sorted(spare, key=lambda d: d[0]) + sorted(last, key=lambda d: d[0])
    return [(s, t) for _, s, t in order[:count]]


def _check_known(what: str, names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(
                f"there is no {what} '{name}' in the file to hold out; it has {', '.join(sorted(known))}."
            )


def _loso(trials: Sequence[TrialReader], held_out: Sequence[str]) -> tuple[Entries, Entries]:
    _check_known("subject", held_out, {trial.subject for trial in trials})
    return (
        [_whole(trial) for trial in trials if trial.subject not in held_out],
        [_whole(trial) for trial in trials if trial.subject in held_out],
    )


def _loao(trials: Sequence[TrialReader], held_out: Sequence[str]) -> tuple[Entries, Entries]:
    actions = {action_family(name) or name for name in held_out}
    _check_known("action", actions, {trial.action for trial in trials})
    return (
        [_whole(trial) for trial in trials if trial.action not in actions],
        [_whole(trial) for trial in trials if trial.action in actions],
    )


def _cross_camera(trials: Sequence[TrialReader], held_out: Sequence[str]) -> tuple[Entries, Entries]:
    _check_known("camera", held_out, {camera for trial in trials for camera in trial.cameras})
    subsets: tuple[Entries, Entries] = ([], [])
    for trial in trials:
        train = tuple(camera for camera in trial.cameras if camera not in held_out)
        test = tuple(camera for camera in trial.cameras if camera in held_out)
        for entries, cameras in zip(subsets, (train, test)):
            if cameras:
                entries.append(_whole(trial, cameras))
    return subsets


def _transfer(
    trials: Sequence[TrialReader], held_out: Sequence[str], train_cameras: Sequence[str], test_cameras: Sequence[str]
) -> tuple[Entries, Entries]:
    """A held-out trial that no test camera saw is in neither subset, nor is another one that no training camera saw."""
    if both := sorted({*train_cameras} & {*test_cameras}):
        raise ConfigError(
            f"the camera '{both[0]}' is named to train and to test; name others, or use protocol 'trial'."
        )
    _check_known("camera", (*train_cameras, *test_cameras), {camera for trial in trials for camera in trial.cameras})
    names = {name for t in trials for name in (t.subject, t.action, t.trial, f"{t.subject}/{t.trial}")}
    _check_known("subject, action or trial", held_out, names)
    subsets: tuple[Entries, Entries] = ([], [])
    for trial in trials:
        tests = _whole(trial).is_named(held_out, trial.action)
        cameras = tuple(camera for camera in trial.cameras if camera in (test_cameras if tests else train_cameras))
        if cameras:
            subsets[tests].append(_whole(trial, cameras))
    return subsets


def _random_frame(trials: Sequence[TrialReader], share: float, seed: int) -> tuple[Entries, Entries]:
    return _at_random([_whole(trial) for trial in trials], share, np.random.default_rng(seed))


def _at_random(entries: Entries, share: float, rng: np.random.Generator) -> tuple[Entries, Entries]:
    """Divide each entry's target frames at random; both parts keep its context."""
    rest: Entries = []
    drawn: Entries = []
    for entry in entries:
        frames = np.concatenate([np.arange(start, stop) for start, stop in entry.targets])
        is_drawn = np.zeros(len(frames), dtype=bool)
        is_drawn[rng.choice(len(frames), _share_of(len(frames), share), replace=False)] = True
        for found, chosen in ((rest, frames[~is_drawn]), (drawn, frames[is_drawn])):
            if len(chosen):
                found.append(replace(entry, targets=tuple(ranges(np.isin(np.arange(frames[-1] + 1), chosen)))))
    return rest, drawn


# --- the third subset -----------------------------------------------------------------------------------------------
def _val(
    train: Entries, actions: dict[tuple[str, str], str], share: float, gap: int, seed: int
) -> tuple[Entries, Entries, dict[str, Any]]:
    """Return what still trains, what validates, and what was done, for the manifest.

    An action of n training trials gives round(n * share) whole ones; where that is none, the last share of each.
    """
    rng = np.random.default_rng([seed, 1])
    by_action: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for entry in train:
        by_action[actions[entry.subject, entry.trial]].append((entry.subject, entry.trial))
    drawn = {
        action: set(_draw(names, min(round(len(names) * share), len(names) - 1), rng))
        for action, names in sorted(by_action.items())
    }
    rest: Entries = []
    val: Entries = []
    for entry in train:
        chosen = drawn[actions[entry.subject, entry.trial]]
        if (entry.subject, entry.trial) in chosen:
            val.append(entry)
        elif chosen:
            rest.append(entry)
        else:
            before, last = _cut(entry, share, gap)
            rest += before or [entry]
            val += [last] if before else []
    done = {
        "share": share,
        "gap": gap,
        "whole_trials": [action for action, chosen in drawn.items() if chosen],
        "last_frames": [action for action, chosen in drawn.items() if not chosen],
    }
    return rest, val, done


def _random_val(train: Entries, share: float, seed: int) -> tuple[Entries, Entries, dict[str, Any]]:
    rest, val = _at_random(train, share, np.random.default_rng([seed, 1]))
    return rest, val, {"share": share, "drawn": "single frames"}
