"""A laboratory's leaderboard over HTTP: signed uploads are scored here, and the labels are never sent.

The store's files are the record; the database only makes searching fast (:mod:`vidzoo.leaderboard.server.database`).
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from vidzoo.errors import VidZooError
from vidzoo.leaderboard.bundle import MAX_BUNDLE_BYTES, open_bundle
from vidzoo.leaderboard.page import render
from vidzoo.leaderboard.server.database import Database
from vidzoo.leaderboard.server.signing import Claim, Unauthorised, verify
from vidzoo.leaderboard.store import Store
from vidzoo.leaderboard.submit import accept

_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
"""Headers of every answer; the page itself states its content security policy."""
_SANDBOX = {"content-security-policy": "default-src 'none'; sandbox"}
_GENERATED = {"index.html": "text/html", "table.json": "application/json", "TABLE.md": "text/plain"}


def _refuse(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, headers=_HEADERS)


async def _receive(request: Request, path: Path, claim: Claim) -> str | None:
    """Write a body to a file; return what is wrong with it: too large, or not the body that was signed."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        async for block in request.stream():
            size += len(block)
            if size > MAX_BUNDLE_BYTES:
                return f"larger than the {MAX_BUNDLE_BYTES >> 20} MiB of a bundle."
            digest.update(block)
            await run_in_threadpool(file.write, block)
    return (
        None if digest.hexdigest() == claim.body_sha256 else "its body is not the one that was signed; send it again."
    )


def make_app(
    store: Store,
    database: Database,
    key: bytes,
    labels: Sequence[str | Path] = (),
    revoked: frozenset[str] = frozenset(),
) -> FastAPI:
    """Bring database and generated files up to date with the record, and return the application.

    Args:
        store: the record.
        database: see :class:`~vidzoo.leaderboard.server.database.Database`.
        key: the server's, which tokens are derived from.
        labels: data files of benchmarks whose labels are not in the store.
        revoked: users whose tokens no longer count.

    Raises:
        DataError: a file of the record is broken.
    """
    database.fill(store)
    store.write_generated(render)
    app = FastAPI(title="vidzoo leaderboard", docs_url=None, redoc_url=None, openapi_url=None)
    _add_files(app, store)

    @app.get("/entries")
    def entries(benchmark: str | None = None, user: str | None = None) -> JSONResponse:
        """List entries, best first."""
        return JSONResponse(database.entries(benchmark, user), headers=_HEADERS)

    _add_submissions(app, store, database, key, labels, revoked)
    return app


def _add_files(app: FastAPI, store: Store) -> None:
    """Serve the page, the tables, the cards and the entries' files."""

    def generated(name: str) -> Callable[[], FileResponse]:
        def answer() -> FileResponse:
            return FileResponse(store.folder / name, media_type=_GENERATED[name], headers=_HEADERS)

        return answer

    for name in _GENERATED:
        app.api_route("/" if name == "index.html" else f"/{name}", methods=["GET", "HEAD"])(generated(name))

    @app.get("/cards/{name}")
    def card(name: str) -> Response:
        """Send a model card, as plain text."""
        path = store.folder / "cards" / name
        if not re.fullmatch(r"[0-9a-f]{64}\.md", name) or not path.is_file():
            return _refuse(404, "no such card.")
        return FileResponse(path, media_type="text/plain; charset=utf-8", headers=_HEADERS | _SANDBOX)

    @app.get("/submissions/{benchmark}/{protocol}/{name}")
    def entry(benchmark: str, protocol: str, name: str) -> Response:
        """Send an entry's file."""
        path = store.folder / "submissions" / benchmark / protocol / name
        plain = all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9@._-]*", part) for part in (benchmark, protocol, name))
        if not plain or path.suffix != ".json" or not path.is_file():
            return _refuse(404, "no such entry.")
        return FileResponse(path, media_type="application/json", headers=_HEADERS | _SANDBOX)


def _add_submissions(
    app: FastAPI,
    store: Store,
    database: Database,
    key: bytes,
    labels: Sequence[str | Path],
    revoked: frozenset[str],
) -> None:
    """Take uploads, at most one being scored per core."""

    @app.post("/submissions")
    async def submit(request: Request) -> Response:
        """Accept a bundle: 201 and the receipt once it is on the disk, or a sentence that says what is wrong."""
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BUNDLE_BYTES:
            return _refuse(413, f"an upload must state its length, at most {MAX_BUNDLE_BYTES >> 20} MiB.")
        try:
            claim = verify(key, request.headers.get("authorization"), revoked)
            await run_in_threadpool(database.begin, claim)
        except Unauthorised as error:
            return _refuse(401, str(error))
        with tempfile.TemporaryDirectory(prefix="vidzoo-") as folder:
            path = Path(folder, "bundle.zip")
            problem = await _receive(request, path, claim)
            if problem is not None:
                await run_in_threadpool(database.end, claim, problem)
                return _refuse(400, problem)
            return await run_in_threadpool(_score, path, claim)

    cores = threading.BoundedSemaphore(os.cpu_count() or 1)

    def _score(path: Path, claim: Claim) -> Response:
        try:
            with cores, open_bundle(path) as bundle:  # unpacked, a bundle may be large
                stored, receipt = accept(store, bundle, labels, claim.user, claim.upload)
        except VidZooError as error:
            database.end(claim, str(error))
            sentence = str(error).replace(str(store.folder), "the store")
            for path_of_labels in map(str, labels):  # the answer does not say where they are
                sentence = sentence.replace(path_of_labels, "the labels")
            return _refuse(422, sentence)
        database.end(claim, receipt.entry, stored)
        return JSONResponse(asdict(receipt), 201, headers=_HEADERS)
