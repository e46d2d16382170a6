"""Split manifests: which frames train and which test, as a file with a hash.

An entry has a ``context`` (the frames that a window may see) and ``targets`` inside it (the frames whose torques are
learnt or scored). In every protocol but ``random_frame`` the two are the same, so that no window straddles a split.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vidzoo.errors import DataError
from vidzoo.io.atomic import atomic_path

FORMAT = "vid-split"
VERSION = 1
PROTOCOLS: tuple[str, ...] = ("block", "trial", "loso", "loao", "random_frame", "cross_camera")
MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class SplitEntry:
    """Some frames of one trial; half-open ranges [start, stop) of the trial's frame indices."""

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

    @property
    def target_frames(self) -> np.ndarray:
        """The target frames' indices, sorted, each once, int64 [n]."""
        ranges = [np.arange(start, stop, dtype=np.int64) for start, stop in self.targets]
        return np.unique(np.concatenate(ranges)) if ranges else np.empty(0, np.int64)


@dataclass(frozen=True)
class Split:
    """A protocol's training and test frames of one data file."""

    protocol: str
    seed: int
    data_hash: str
    """``content_hash`` of the data file that it was made for."""
    settings: dict[str, Any]
    train: tuple[SplitEntry, ...]
    test: tuple[SplitEntry, ...]
    hash: str = field(default="", compare=False)
    """SHA-256 of everything else; filled in on construction."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "hash", hashlib.sha256(self._canonical().encode()).hexdigest())

    def _canonical(self) -> str:
        content = {k: v for k, v in asdict(self).items() if k != "hash"}
        content["vid_hash"] = content.pop("data_hash")
        return json.dumps({"format": FORMAT, "version": VERSION, **content}, sort_keys=True, separators=(",", ":"))

    @property
    def frames_hash(self) -> str:
        """SHA-256 of which frames train and test, and by what rule, without the data file's own hash.

        Files built from the same recordings on two machines may differ in the last bit, and with them ``hash``.
        """
        content = {k: v for k, v in asdict(self).items() if k not in ("hash", "data_hash")}
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def leaks(self) -> bool:
        """True where neighbours 10 ms apart fall on both subsets, so that its figures flatter."""
        return self.protocol == "random_frame"

    def save(self, path: str | Path) -> None:
        """Write the manifest as JSON, under a temporary name first.

        Raises:
            DataError: the folder is missing, or ``path`` is a folder or cannot be written.
        """
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps({**json.loads(self._canonical()), "hash": self.hash}, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Split:
        """Read a manifest.

        Raises:
            DataError: it is missing, no split manifest, was changed by hand, or one of its subsets is empty.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"{path}: no such split; make one with tools/make_split.py.")
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path}: larger than any split manifest ({MAX_BYTES >> 20} MiB).")
        try:
            content = json.loads(path.read_text(), parse_constant=_refuse_constant)
            if (content["format"], content["version"]) != (FORMAT, VERSION):
                raise ValueError(f"format {content['format']!r} version {content['version']!r}")
            subsets = {
                subset: tuple(
                    SplitEntry(
                        _as(str, e["subject"]),
                        _as(str, e["trial"]),
                        _range(e["context"]),
                        tuple(_range(target) for target in e["targets"]),
                        tuple(_as(str, camera) for camera in e["cameras"]),
                    )
                    for e in content[subset]
                )
                for subset in ("train", "test")
            }
            split = cls(
                _as(str, content["protocol"]),
                _as(int, content["seed"]),
                _as(str, content["vid_hash"]),
                _as(dict, content["settings"]),
                subsets["train"],
                subsets["test"],
            )
            if split.protocol not in PROTOCOLS:
                raise ValueError(f"protocol {split.protocol[:40]!r}")
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise DataError(
                f"{path}: is no split manifest ({repr(error)[:300]}); make it with tools/make_split.py."
            ) from None
        if split.hash != content.get("hash"):
            raise DataError(f"{path}: its content does not fit its hash; it was edited by hand. Make it again.")
        for subset in ("train", "test"):
            if not any(entry.num_targets for entry in getattr(split, subset)):
                raise DataError(
                    f"{path}: its {subset} subset is empty; make a split that holds frames on both subsets."
                )
        return split


def _as(kind: type, value: Any) -> Any:
    if type(value) is not kind or (isinstance(value, str) and not value.isprintable()):
        raise TypeError(f"{str(value)[:40]!r} is no {kind.__name__}")
    return value


def _range(value: Any) -> tuple[int, int]:
    start, stop = value
    return _as(int, start), _as(int, stop)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
