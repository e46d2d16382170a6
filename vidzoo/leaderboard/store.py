"""The store: a folder of plain files that many processes may add to at once; no file is edited.

::

    benchmarks/synth@1/trial.json, trial.split.json, labels-<sha8>.h5
    submissions/synth@1/trial/<utc>-<slug>-<sha8>.json    an entry, written once
    predictions/<sha256>.npz                               what was scored
    cards/<sha256>.md                                      the model cards
    TABLE.md, table.json, index.html                       made from the rest

An entry is superseded, never edited. It holds its benchmark's and its predictions' hashes, its own is in its name and
in ``table.json``: no byte changes unseen (:mod:`vidzoo.leaderboard.check`).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock

from vidzoo.errors import ConfigError, DataError
from vidzoo.evaluation.score import score
from vidzoo.io.atomic import atomic_path
from vidzoo.io.data_file import DataFile
from vidzoo.io.provenance import file_sha256
from vidzoo.io.splits import Split
from vidzoo.leaderboard.benchmark import Benchmark, ship
from vidzoo.leaderboard.bundle import Bundle, Submission, check_claim, for_split, slug
from vidzoo.leaderboard.documents import (
    Sha256,
    canonical,
    read_document,
    sha256,
)
from vidzoo.leaderboard.entry import Entry, Scores, Stored, read_entry, trim

_FOR_GIT = {".gitignore": b".lock\n.*.tmp\n", ".gitattributes": b"* -text\n"}
"""No line ending is converted: hashes are of bytes."""


def create_once(path: Path, content: bytes | Path) -> None:
    """Write a file whose name no other content may have; a file of that name with the same content is as good.

    Raises:
        DataError: there is another one of that name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with atomic_path(path, replace=False) as temporary:
            if isinstance(content, Path):
                shutil.copyfile(content, temporary)
            else:
                temporary.write_bytes(content)
            digest = file_sha256(temporary)
    except FileExistsError:
        if file_sha256(path) != digest:
            raise DataError(f"{path}: is there with other content; run 'vidzoo leaderboard check'.") from None


class Store:
    """A leaderboard's folder.

    Args:
        folder: of a store; a new or empty one becomes a store with the benchmarks of this version, if ``create``.
        create: see above.

    Raises:
        DataError: the folder is no store.
    """

    def __init__(self, folder: str | Path, create: bool = False) -> None:
        self.folder = Path(folder)
        if not (self.folder / "benchmarks").is_dir():
            known = {".git", ".gitattributes", ".gitignore", "README.md", "LICENSE", ".lock"}
            if (
                not create
                or self.folder.is_file()
                or (self.folder.exists() and {p.name for p in self.folder.iterdir()} - known)
            ):
                raise DataError(
                    f"{self.folder}: is no leaderboard (it has no folder 'benchmarks'); name one, or a new or empty "
                    f"folder for 'vidzoo submit' to begin one in."
                )
            self.folder.mkdir(parents=True, exist_ok=True)
        if create:
            with self.lock():
                ship(self.folder / "benchmarks")
                for name, content in _FOR_GIT.items():
                    if not (self.folder / name).exists():
                        create_once(self.folder / name, content)

    def lock(self) -> FileLock:
        """Return the lock that writers of the folder take in turn."""
        return FileLock(self.folder / ".lock", timeout=600)

    # --- benchmarks ---------------------------------------------------------------------------------------------------
    def benchmark_paths(self) -> list[Path]:
        """Return the files of all benchmarks, sorted."""
        found = (self.folder / "benchmarks").glob("*/*.json")
        return sorted(path for path in found if not path.name.endswith(".split.json"))

    def benchmark(self, name: str) -> tuple[Benchmark, Sha256]:
        """Return a benchmark and the hash of its file.

        Raises:
            ConfigError: there is none of that name, or it is not defined yet.
            DataError: its file is broken.
        """
        path = self.folder / "benchmarks" / f"{name}.json"
        if path not in self.benchmark_paths():
            known = ", ".join(f"{p.parent.name}/{p.stem}" for p in self.benchmark_paths())
            raise ConfigError(f"{self.folder}: has no benchmark {name[:80]}; it has {known or 'none'}.")
        found = read_document(Benchmark, path)
        if found.split is None:
            raise ConfigError(
                f"{name}: waits for its data ({found.data.source}). With the data, define it: see 'vidzoo "
                f"leaderboard define --help'."
            )
        return found, file_sha256(path)

    def split(self, benchmark: Benchmark) -> Split:
        """Return a benchmark's split.

        Raises:
            DataError: its manifest is missing or not the one that the benchmark names, or leaks otherwise than it says.
        """
        assert benchmark.split is not None
        path = self.folder / "benchmarks" / benchmark.name / benchmark.split.file
        if not path.is_file() or file_sha256(path) != benchmark.split.sha256:
            raise DataError(f"{path}: is missing or was changed; restore it.")
        split = Split.load(path)
        if split.leaks != benchmark.split.leaks:
            raise DataError(
                f"{path}: leaks={split.leaks}, but {benchmark.id} says {benchmark.split.leaks}; restore it."
            )
        return split

    def labels(self, benchmark: Benchmark, given: Sequence[str | Path] = ()) -> DataFile:
        """Return the data file that holds a benchmark's labels: the store's own, or one of those given.

        Raises:
            DataError: there is none, or the store's was changed.
        """
        if benchmark.labels is not None:
            path = self.folder / "benchmarks" / benchmark.name / benchmark.labels.file
            if not path.is_file() or file_sha256(path) != benchmark.labels.sha256:
                raise DataError(f"{path}: is missing or was changed; restore it.")
            return DataFile(path)
        for data in map(DataFile, given):
            if data.content_hash == benchmark.data.vid_hash:
                return data
        raise DataError(
            f"{benchmark.id}: its labels may not be passed on and are not in the store; give the data file of content "
            f"hash {(benchmark.data.vid_hash or '')[:12]} with --labels."
        )

    # --- entries ------------------------------------------------------------------------------------------------------
    def entry_paths(self) -> list[Path]:
        """Return the files of all entries, sorted by benchmark and time."""
        return sorted((self.folder / "submissions").glob("*/*/*.json"))

    def read_entry(self, path: Path) -> Stored:
        """Read an entry.

        Raises:
            DataError: it is broken, or its name does not fit its content.
        """
        entry, version = read_entry(path)
        digest = file_sha256(path)
        benchmark = f"{path.parent.parent.name}/{path.parent.name}"
        if not path.stem.endswith(f"-{digest[:8]}") or entry.submission.benchmark != benchmark:
            raise DataError(f"{path}: its content does not fit its name: it was changed or moved.")
        return Stored(path.stem, path, digest, entry, version)

    def entries(self) -> list[Stored]:
        """Read all entries."""
        return [self.read_entry(path) for path in self.entry_paths()]

    def evaluate(self, bundle: Bundle, labels: Sequence[str | Path] = ()) -> tuple[dict[str, Any], Scores, Sha256]:
        """Score a bundle; return all results, those that are kept, and the hash of the benchmark's file.

        Raises:
            ConfigError: there is no such benchmark.
            DataError: the predictions are not exactly the benchmark's test frames, or the submitter claims other
                figures.
        """
        name = bundle.submission.benchmark
        benchmark, digest = self.benchmark(name)
        split = self.split(benchmark)
        assert benchmark.split is not None
        predictions = for_split(bundle.predictions, split.hash, benchmark.split.frames_hash, name)
        data = self.labels(benchmark, labels)
        try:
            results = score(predictions, data, split)
        finally:
            data.close()
        scores = trim(results)
        check_claim(bundle.submission.claimed, results["overall"])
        return results, scores, digest

    def add(
        self, bundle: Bundle, scores: Scores, benchmark_sha256: str, scorer: str, user: str | None, upload: str | None
    ) -> Stored:
        """Put a scored bundle into the record; once this returns it is on the disk, though not yet in the table.

        Raises:
            DataError: the same predictions are there under the same name, or ``supersedes`` or ``reproduces`` names no
                entry that this one may.
        """
        submission = bundle.submission
        folder = self.folder / "submissions" / submission.benchmark
        card = submission.card.encode()
        with self.lock():
            self._check_relations(folder, submission, user)  # first: what is refused leaves nothing behind
            create_once(self.folder / "predictions" / f"{submission.predictions_sha256}.npz", bundle.file)
            create_once(self.folder / "cards" / f"{sha256(card)}.md", card)
            now = datetime.now(timezone.utc)
            entry = Entry(
                submitted=now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                submission=submission.model_copy(update={"card": ""}),
                card_sha256=sha256(card),
                benchmark_sha256=benchmark_sha256,
                scorer=scorer,
                scores=scores,
                user=user,
                upload=upload,
            )
            content = canonical(entry)
            name = f"{now.strftime('%Y%m%dT%H%M%S%f')}Z-{slug(submission.model)}-{sha256(content)[:8]}"
            path = folder / f"{name}.json"
            create_once(path, content)
        return Stored(name, path, sha256(content), entry, entry.version)

    def _check_relations(self, folder: Path, submission: Submission, user: str | None) -> None:
        model = re.escape(slug(submission.model))
        same = re.compile(rf"\d{{8}}T\d{{12}}Z-{model}-[0-9a-f]{{8}}\.json")
        for path in sorted(folder.glob("*.json")):
            if same.fullmatch(path.name):
                other = read_entry(path)[0].submission
                if (other.model, other.predictions_sha256) == (submission.model, submission.predictions_sha256):
                    raise DataError(f"{submission.benchmark}: these predictions are there already, as {path.stem}.")
                if submission.supersedes and other.supersedes == submission.supersedes:
                    raise DataError(f"supersedes: {submission.supersedes} is superseded already, by {path.stem}.")
        for kind in ("supersedes", "reproduces"):
            name = getattr(submission, kind)
            if name is None:
                continue
            path = folder / f"{name}.json"
            if not path.is_file():
                raise DataError(f"{kind}: {submission.benchmark} has no entry {name}.")
            other_entry = self.read_entry(path).entry
            if kind == "supersedes" and (other_entry.submission.model, other_entry.user) != (submission.model, user):
                raise DataError(
                    f"supersedes: {name} is the model '{other_entry.submission.model}'"
                    f"{f' of {other_entry.user}' if other_entry.user else ''}; only the same one may take its place."
                )
            own = user is not None and user == other_entry.user
            if kind == "reproduces" and (own or set(other_entry.submission.authors) & set(submission.authors)):
                raise DataError(f"reproduces: {name} is by an author of this one; a reproduction is by others.")

    def card(self, stored: Stored) -> Path:
        """Return the path of an entry's card."""
        return self.folder / "cards" / f"{stored.entry.card_sha256}.md"

    # --- what is made from the record ---------------------------------------------------------------------------------
    def write_generated(self, render: Callable[[Store], dict[str, bytes]], needed: Iterable[str] = ()) -> None:
        """Write the generated files, one writer at a time; not again where they know all ``needed`` entries already.

        Args:
            render: name -> content, of the store.
            needed: names of entries.
        """
        needed = list(needed)
        with self.lock():
            table = self.folder / "table.json"
            if needed and table.is_file():
                known = table.read_text(encoding="utf-8")
                if all(f'"{name}"' in known for name in needed):
                    return
            for name, content in render(self).items():
                path = self.folder / name
                if not path.is_file() or path.read_bytes() != content:
                    with atomic_path(path) as temporary:
                        temporary.write_bytes(content)
