"""Submitting: from a predictions file to a ranked entry, in a folder or on a server."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidzoo import __version__
from vidzoo.errors import ConfigError, DataError
from vidzoo.evaluation.results import UNITS, read_results
from vidzoo.leaderboard.benchmark import check_id
from vidzoo.leaderboard.bundle import (
    MAX_BUNDLE_BYTES,
    Bundle,
    Submission,
    check_reference,
    describe,
    open_bundle,
    write_bundle,
)
from vidzoo.leaderboard.compare import read_table
from vidzoo.leaderboard.entry import Stored
from vidzoo.leaderboard.page import render
from vidzoo.leaderboard.server.signing import Token, sign
from vidzoo.leaderboard.store import Store

SERVER_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Receipt:
    """What a submission came to."""

    entry: str
    rank: int
    """Among ``ranked`` entries."""
    ranked: int
    results: dict[str, Any]
    """All figures, as in ``results.json``."""


def claims(results: Path) -> dict[str, float]:
    """Return the overall figures of a ``results.json``.

    Raises:
        DataError: it is none.
    """
    overall = read_results(results)["overall"]
    return {name: overall[name] for name in UNITS if isinstance(overall.get(name), float)}


def make_submission(
    predictions: str | Path,
    benchmark: str,
    model: str,
    card: str | Path,
    authors: Sequence[str],
    licence: str = "CC-BY-4.0",
    results: str | Path | None = None,
    remark: str = "",
    supersedes: str | None = None,
    reproduces: str | None = None,
) -> Submission:
    """Describe predictions for a benchmark.

    Args:
        predictions: the file of ``vidzoo test --out``.
        benchmark: name@version/protocol.
        model: as the table shall call it.
        card: Markdown.
        authors: names.
        licence: of the submission, an SPDX identifier.
        results: a ``results.json`` whose figures are claimed; None: the one beside the predictions, if there is one.
        remark: a sentence for readers of the table.
        supersedes: an entry of one's own that this one takes the place of.
        reproduces: an entry of others that this one was trained again from.

    Raises:
        ConfigError: an argument has another form.
        DataError: a file cannot be read.
    """
    predictions = Path(predictions)
    check_id(benchmark)
    check_reference("supersedes", supersedes)
    check_reference("reproduces", reproduces)
    beside = predictions.with_name("results.json")
    path = Path(results) if results is not None else beside if beside.is_file() else None
    claimed = claims(path) if path is not None else {}
    return describe(
        predictions, benchmark, model, list(authors), licence, Path(card), claimed, remark, supersedes, reproduces
    )


def accept(
    store: Store, bundle: Bundle, labels: Sequence[str | Path] = (), user: str | None = None, upload: str | None = None
) -> tuple[Stored, Receipt]:
    """Score a bundle, put it into the record and bring the table up to date; return the entry and the receipt.

    Raises:
        ConfigError: there is no such benchmark.
        DataError: the bundle is refused.
    """
    results, scores, digest = store.evaluate(bundle, labels)
    stored = store.add(bundle, scores, digest, f"vidzoo {__version__}", user, upload)
    store.write_generated(render, [stored.id])
    table = read_table(store.folder / "table.json")
    rows = next(b["rows"] for b in table["benchmarks"] if b["id"] == bundle.submission.benchmark)
    mine = next(row for row in rows if row["id"] == stored.id)
    ranked = sum(row["rank"] is not None for row in rows)
    return stored, Receipt(stored.id, mine["rank"], ranked, results)


def submit_to_folder(
    submission: Submission, predictions: str | Path, folder: str | Path, labels: Sequence[str | Path] = ()
) -> Receipt:
    """Submit to a leaderboard's folder; a new or empty one begins a leaderboard.

    Raises:
        ConfigError: there is no such benchmark.
        DataError: the submission is refused, or the folder is no leaderboard.
    """
    store = Store(folder, create=True)
    with tempfile.TemporaryDirectory(prefix="vidzoo-") as temporary:
        path = Path(temporary, "bundle.zip")
        write_bundle(path, submission, Path(predictions))
        with open_bundle(path) as bundle:
            return accept(store, bundle, labels)[1]


def submit_to_server(submission: Submission, predictions: str | Path, url: str, token: Token) -> Receipt:
    """Submit to a server.

    Raises:
        ConfigError: the extra ``server`` is not installed, or the server does not know the token.
        DataError: the server refuses the submission or cannot be reached.
    """
    try:
        import httpx
    except ImportError:
        raise ConfigError("a server is reached with httpx: pip install 'vidzoo[server]'.") from None
    with tempfile.TemporaryDirectory(prefix="vidzoo-") as temporary:
        path = Path(temporary, "bundle.zip")
        write_bundle(path, submission, Path(predictions))
        if path.stat().st_size > MAX_BUNDLE_BYTES:
            raise DataError(f"{predictions}: larger than the {MAX_BUNDLE_BYTES >> 20} MiB of a bundle.")
        body = path.read_bytes()
    try:
        answer = httpx.post(
            f"{url.rstrip('/')}/submissions",
            content=body,
            headers={"authorization": sign(token, body), "content-type": "application/zip"},
            timeout=SERVER_TIMEOUT_S,
        )
        content = answer.json()
        if answer.status_code == 401:
            raise ConfigError(f"{url}: {content['error']}")
        if answer.status_code != 201:
            raise DataError(f"{url}: {content['error']}")
        return Receipt(**content)
    except httpx.InvalidURL as error:
        raise ConfigError(f"--leaderboard {url}: {error}.") from None
    except httpx.HTTPError as error:
        raise DataError(f"{url}: cannot be reached ({str(error) or type(error).__name__}); is the server up?") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{url}: is no leaderboard's server (status {answer.status_code}).") from None
