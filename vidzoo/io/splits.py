"""Split manifests: which frames train, validate and test, as a file with a hash.

An entry has a ``context`` (the frames that a window may see) and ``targets`` inside it (the frames whose torques are
learnt or scored). In every protocol but ``random_frame`` the two are the same, so that no window straddles a split.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from vidzoo.errors import DataError
from vidzoo.io.atomic import atomic_path

FORMAT = "vid-split"
VERSION = 2
READABLE = (1, 2)
"""Versions that are read; version 1 has no ``val`` and calls ``data_hash`` ``vid_hash``."""
PROTOCOLS: tuple[str, ...] = ("block", "trial", "loso", "loao", "random_frame", "cross_camera", "transfer")
SUBSETS: tuple[str, ...] = ("train", "val", "test")
MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class SplitEntry:
    """Some frames of one trial; half-open ranges [start, stop) of the trial's frame indices.

    >>> SplitEntry("subject4", "DJ1", context=(0, 80), targets=((0, 10), (70, 80))).num_targets
    20
    """

    subject: str
    trial: str
    context: tuple[int, int]
    targets: tuple[tuple[int, int], ...]
    cameras: tuple[str, ...] = ()
    """The cameras it is for; empty: whichever the dataset is told to read."""

    @property
    def num_targets(self) -> int:
        """The number of target frames."""
        return sum(stop - start for start, stop in self.targets)

    def __str__(self) -> str:
        return f"{self.subject}/{self.trial} [{self.context[0]}, {self.context[1]})"

    def is_named(self, names: Collection[str], action: str) -> bool:
        """Tell whether its trial is among ``names``: by its subject, its action, its own name or subject/trial.

        >>> SplitEntry("subject4", "DJ1", (0, 80), ()).is_named(["subject4/DJ1"], "DJ")
        True
        """
        return not {self.subject, action, self.trial, f"{self.subject}/{self.trial}"}.isdisjoint(names)

    @property
    def target_frames(self) -> np.ndarray:
        """The target frames' indices, sorted, each once, int64 [n]."""
        ranges = [np.arange(start, stop, dtype=np.int64) for start, stop in self.targets]
        return np.unique(np.concatenate(ranges)) if ranges else np.empty(0, np.int64)


@dataclass(frozen=True)
class Split:
    """A protocol's frames of one data file: those that train, those that test, and perhaps some to choose by."""

    protocol: str
    seed: int
    data_hash: str
    """``content_hash`` of the data file that it was made for."""
    settings: dict[str, Any]
    train: tuple[SplitEntry, ...]
    test: tuple[SplitEntry, ...]
    val: tuple[SplitEntry, ...] = ()
    """Taken out of what would train: for choosing epochs and settings. Empty: there is no such subset."""
    hash: str = field(default="", compare=False)
    """SHA-256 of everything else; filled in on construction."""

    def __post_init__(self) -> None:
        content = self._frames()
        content |= {"format": FORMAT, "version": VERSION, "data_hash": self.data_hash}
        if not self.val:  # hashes as it did before there was a third subset
            content |= {"version": 1, "vid_hash": content.pop("data_hash")}
        object.__setattr__(self, "hash", _sha256(content))

    def _frames(self) -> dict[str, Any]:
        content = asdict(self)
        for name in ("hash", "data_hash", *(() if self.val else ("val",))):
            del content[name]
        return content

    @property
    def frames_hash(self) -> str:
        """SHA-256 of which frames train, validate and test, and by what rule, without the data file's own hash.

        Files built from the same recordings on two machines may differ in the last bit, and with them ``hash``.
        """
        return _sha256(self._frames())

    @property
    def leaks(self) -> bool:
        """True where frames 10 ms apart are in different subsets, so that figures are too good."""
        return self.protocol == "random_frame"

    def entries(self, subset: str) -> tuple[SplitEntry, ...]:
        """Return the entries of a subset.

        Raises:
            DataError: it is ``val``, and this split has none.
        """
        found: tuple[SplitEntry, ...] = getattr(self, subset)
        if not found:
            raise DataError(
                f"the split {self.hash[:12]} has no {subset} subset; make one with 'vidzoo split --val-share 0.1'."
            )
        return found

    def validation(self) -> Split:
        """Return a split that tests on this one's ``val`` frames, for scoring them as test frames are scored.

        Raises:
            DataError: this split has no ``val`` subset.
        """
        return replace(self, test=self.entries("val"), val=())

    def save(self, path: str | Path) -> None:
        """Write the manifest as JSON, under a temporary name first.

        Raises:
            DataError: the folder is missing, or ``path`` is a folder or cannot be written.
        """
        content = {"format": FORMAT, "version": VERSION, **asdict(self)}
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Split:
        """Read a manifest.

        Raises:
            DataError: it is missing, no split manifest, was changed by hand, or nothing in it trains or tests.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"{path}: no such split; make one with 'vidzoo split'.")
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path}: larger than any split manifest ({MAX_BYTES >> 20} MiB).")
        try:
            content = json.loads(path.read_text(), parse_constant=_refuse_constant)
            version = content["version"]
            if content["format"] != FORMAT or version not in READABLE:
                raise ValueError(f"format {content['format']!r} version {version!r}")
            split = cls(
                protocol=_as(str, content["protocol"]),
                seed=_as(int, content["seed"]),
                data_hash=_as(str, content["vid_hash" if version == 1 else "data_hash"]),
                settings=_as(dict, content["settings"]),
                train=_entries(content["train"]),
                test=_entries(content["test"]),
                val=() if version == 1 else _entries(content["val"]),
            )
            if split.protocol not in PROTOCOLS:
                raise ValueError(f"protocol {split.protocol[:40]!r}")
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise DataError(
                f"{path}: is no split manifest ({repr(error)[:300]}); make it with 'vidzoo split'."
            ) from None
        if split.hash != content.get("hash"):
            raise DataError(f"{path}: its content does not fit its hash; it was edited by hand. Make it again.")
        for subset in SUBSETS:
            entries = getattr(split, subset)
            if not any(entry.num_targets for entry in entries) and (entries or subset != "val"):
                raise DataError(f"{path}: its {subset} subset is empty; make it again with 'vidzoo split'.")
        return split


def _sha256(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _entries(values: Any) -> tuple[SplitEntry, ...]:
    return tuple(
        SplitEntry(
            _as(str, e["subject"]),
            _as(str, e["trial"]),
            _range(e["context"]),
            tuple(_range(target) for target in e["targets"]),
            tuple(_as(str, camera) for camera in e["cameras"]),
        )
        for e in values
    )


def _as(kind: type, value: Any) -> Any:
    if type(value) is not kind or (isinstance(value, str) and not value.isprintable()):
        raise TypeError(f"{str(value)[:40]!r} is no {kind.__name__}")
    return value


def _range(value: Any) -> tuple[int, int]:
    start, stop = value
    return _as(int, start), _as(int, stop)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
