"""Checking a store: every file is what it was, every score comes out again, every generated file is fresh."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidzoo.errors import ConfigError, VidZooError
from vidzoo.evaluation.score import score
from vidzoo.io.data_file import DataFile
from vidzoo.io.predictions import read_predictions
from vidzoo.io.provenance import file_sha256
from vidzoo.io.splits import Split
from vidzoo.leaderboard.benchmark import Benchmark
from vidzoo.leaderboard.bundle import MAX_UNPACKED_BYTES, for_split
from vidzoo.leaderboard.documents import read_document
from vidzoo.leaderboard.entry import Scores, Stored, trim, without_intervals
from vidzoo.leaderboard.store import Store

TOLERANCE = 1e-6
"""Relative: sums on another processor differ in the last digits."""
_IGNORED = {".git", ".gitattributes", ".gitignore", ".lock", "README.md", "LICENSE", ".github"}


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be."""

    where: str
    what: str


@dataclass(frozen=True)
class Rescored:
    """An entry's figures as they stand and as they come out now."""

    stored: Stored
    now: Scores | None
    """None: no labels at hand."""
    differences: tuple[str, ...]


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Name the figures that differ by more than ``TOLERANCE``, as ``overall.RMSE 0.1 is 0.2``."""
    if isinstance(old, tuple | list) and isinstance(new, tuple | list) and len(old) == len(new):
        old, new = dict(enumerate(old)), dict(enumerate(new))
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        return [line for key in keys for line in differences(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))]
    if isinstance(old, float) and isinstance(new, float):
        same = abs(old - new) <= TOLERANCE * max(1.0, abs(old))
    else:
        same = old == new
    return [] if same else [f"{path} {str(old)[:100]} is {str(new)[:100]}"]


class Scorer:
    """Score entries of one store, each benchmark's labels read once."""

    def __init__(self, store: Store, labels: Sequence[str | Path]) -> None:
        self.store, self._given = store, labels
        self._ready: dict[str, tuple[Benchmark, str, Split, DataFile | None]] = {}

    def benchmark(self, name: str) -> tuple[Benchmark, str, Split, DataFile | None]:
        if name not in self._ready:
            benchmark, digest = self.store.benchmark(name)
            split = self.store.split(benchmark)
            needs_given = benchmark.labels is None and not self._given
            data = None if needs_given else self.store.labels(benchmark, self._given)
            self._ready[name] = benchmark, digest, split, data
        return self._ready[name]

    def rescore(self, stored: Stored) -> Rescored:
        """Score an entry again.

        Raises:
            ConfigError: there is no such benchmark, or a file is not the one that the entry was scored with.
            DataError: a file is broken, or its labels were not given.
        """
        submission = stored.entry.submission
        benchmark, digest, split, data = self.benchmark(submission.benchmark)
        assert benchmark.split is not None
        if digest != stored.entry.benchmark_sha256:
            raise ConfigError(f"{submission.benchmark}: its file is not the one that {stored.id} was scored with.")
        path = self.store.folder / "predictions" / f"{submission.predictions_sha256}.npz"
        if not path.is_file() or file_sha256(path) != submission.predictions_sha256:
            raise ConfigError(f"{path}: is missing or was changed; restore it.")
        if data is None:
            return Rescored(stored, None, ())
        predictions = read_predictions(path, MAX_UNPACKED_BYTES)
        predictions = for_split(predictions, split.hash, benchmark.split.frames_hash, benchmark.id)
        now = trim(score(predictions, data, split))
        comparable = without_intervals(now) if stored.version == 1 else now
        found = differences(stored.entry.scores.model_dump(), comparable.model_dump())
        return Rescored(stored, now, tuple(found))


def rescore(store: Store, labels: Sequence[str | Path] = ()) -> Iterator[Rescored]:
    """Score all entries again, one after the other.

    Raises:
        VidZooError: a file of the record is broken.
    """
    scorer = Scorer(store, labels)
    for stored in store.entries():
        yield scorer.rescore(stored)


def check(
    store: Store,
    render: Callable[[Store], dict[str, bytes]],
    labels: Sequence[str | Path] = (),
    track: Callable[[list[Path]], Any] = iter,
) -> tuple[list[Problem], list[str]]:
    """Look at every file of a store; return what is wrong, and the entries that no labels were at hand for.

    Args:
        store: to look at.
        render: name -> content of the generated files.
        labels: data files, for benchmarks whose labels are not in the store.
        track: iterates over the entries' files, with a progress bar perhaps.
    """
    inspection = _Inspection(store, Scorer(store, labels))
    for path in store.benchmark_paths():
        inspection.benchmark(path)
    for path in track(store.entry_paths()):
        inspection.entry(path)
    inspection.other_files()
    inspection.generated_files(render)
    return inspection.problems, inspection.unscored


class _Inspection:
    """What has been found in a store so far, and which files belong to it."""

    def __init__(self, store: Store, scorer: Scorer) -> None:
        self.store, self.scorer, self.folder = store, scorer, store.folder
        self.problems: list[Problem] = []
        self.unscored: list[str] = []
        self.expected = {self.folder / name for name in ("TABLE.md", "table.json", "index.html")}

    def _note(self, where: str | Path, error: object) -> None:
        name = Path(where).relative_to(self.folder).as_posix() if isinstance(where, Path) else where
        self.problems.append(Problem(name, str(error).removeprefix(f"{where}: ")))

    def benchmark(self, path: Path) -> None:
        """Check a benchmark's file, and that its split and labels are what it says."""
        self.expected.add(path)
        try:
            benchmark = read_document(Benchmark, path)
            if benchmark.id != f"{path.parent.name}/{path.stem}":
                raise ConfigError(f"says that it is {benchmark.id}.")
            if benchmark.split is not None:
                self.expected.add(path.with_name(benchmark.split.file))
                if self.store.split(benchmark).frames_hash != benchmark.split.frames_hash:
                    raise ConfigError("its split has other frames than it says.")
            if benchmark.labels is not None:
                self.expected.add(path.with_name(benchmark.labels.file))
                self.store.labels(benchmark)
        except VidZooError as error:
            self._note(path, error)

    def entry(self, path: Path) -> None:
        """Check an entry's file, its card and the entries that it names, and score its predictions again."""
        self.expected.add(path)
        try:
            stored = self.store.read_entry(path)
            submission, card = stored.entry.submission, self.store.card(stored)
            self.expected |= {card, self.folder / "predictions" / f"{submission.predictions_sha256}.npz"}
            if not card.is_file() or file_sha256(card) != stored.entry.card_sha256:
                self._note(card, "is missing or was changed; restore it.")
            for name in filter(None, (submission.supersedes, submission.reproduces)):
                if not path.with_name(f"{name}.json").is_file():
                    raise ConfigError(f"names the entry {name}, which is not there.")
            found = self.scorer.rescore(stored)
            if found.now is None:
                self.unscored.append(stored.id)
            if found.differences:
                further = f" and {len(found.differences) - 1} more" if found.differences[1:] else ""
                self._note(path, f"scores otherwise now: {found.differences[0]}{further}.")
        except VidZooError as error:
            self._note(path, error)

    def other_files(self) -> None:
        """Name every file that belongs to nothing that was checked before."""
        for path in sorted(self.folder.rglob("*")):
            inside = path.relative_to(self.folder).parts
            if inside[0] not in _IGNORED and not path.is_dir() and path not in self.expected:
                self._note(path, "belongs to no entry and no benchmark; remove it.")

    def generated_files(self, render: Callable[[Store], dict[str, bytes]]) -> None:
        """Compare the generated files with what they would be now."""
        try:
            for name, content in render(self.store).items():
                path = self.folder / name
                if not path.is_file() or path.read_bytes() != content:
                    self._note(path, "is stale or was changed; run 'vidzoo leaderboard render'.")
        except VidZooError as error:
            self._note("generated files", f"cannot be made: {error}")
