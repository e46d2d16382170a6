"""Writing a store's entries of version 1 again as version 2, with intervals and the errors of single recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vidzoo import __version__
from vidzoo.errors import ConfigError, DataError
from vidzoo.leaderboard.check import Scorer
from vidzoo.leaderboard.documents import canonical, sha256
from vidzoo.leaderboard.store import Store, create_once


def convert(store: Store, labels: Sequence[str | Path] = ()) -> dict[str, str]:
    """Score each entry of version 1 again and write it as version 2; return old name -> new name.

    A name holds the hash of its content, so that it changes, and with it the ``supersedes`` and ``reproduces`` of later
    entries. When, who, what and every figure stay. The generated files are to be rendered afterwards.

    Where one entry cannot be converted, none is. An interrupted conversion is finished by another one: all new files
    are there before an old one goes, and an entry goes before those that it refers to.

    Args:
        store: whose files are replaced.
        labels: data files, for benchmarks whose labels are not in the store.

    Raises:
        ConfigError: the labels of an entry are not at hand.
        DataError: an entry is broken, or scores otherwise now.
    """
    scorer = Scorer(store, labels)
    renamed: dict[str, str] = {}
    contents: dict[Path, tuple[Path, bytes]] = {}
    with store.lock():
        for path in store.entry_paths():  # sorted by time: what an entry refers to has its new name already
            stored = store.read_entry(path)
            submission = stored.entry.submission
            references = {name: getattr(submission, name) for name in ("supersedes", "reproduces")}
            if stored.version != 1 and not set(references.values()) & set(renamed):
                continue
            found = scorer.rescore(stored)
            if found.now is None:
                raise ConfigError(f"{stored.id}: its labels are not in the store; give the data file with --labels.")
            if found.differences:
                raise DataError(f"{path}: scores otherwise now: {found.differences[0]}.")
            update = {name: renamed.get(value, value) for name, value in references.items() if value}
            entry = stored.entry.model_copy(
                update={
                    "submission": submission.model_copy(update=update),
                    "scores": found.now,
                    "scorer": f"vidzoo {__version__}",
                }
            )
            content = canonical(entry)
            name = f"{stored.id.rpartition('-')[0]}-{sha256(content)[:8]}"
            contents[path] = path.with_name(f"{name}.json"), content
            renamed[stored.id] = name
        for new, content in contents.values():
            create_once(new, content)
        for path in reversed(contents):
            path.unlink()
    return renamed
