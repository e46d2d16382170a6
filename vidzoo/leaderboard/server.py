"""A lab's own leaderboard over HTTP: signed uploads, scored here, with labels that never leave.

The record is the store's files. The database knows which uploads have been seen and finds entries fast; it is filled
from the files when the server starts, so that losing it loses nothing that was acknowledged.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from sqlalchemy import DateTime, Float, String, create_engine, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from starlette.concurrency import run_in_threadpool

from vidzoo.errors import ConfigError, VidZooError
from vidzoo.leaderboard.bundle import MAX_BUNDLE_BYTES, open_bundle
from vidzoo.leaderboard.entry import Stored
from vidzoo.leaderboard.page import render
from vidzoo.leaderboard.signing import Claim, Unauthorised, verify
from vidzoo.leaderboard.store import Store
from vidzoo.leaderboard.submit import accept

_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
"""Of every answer; the page brings its own content security policy, and the rest is no page."""
_SANDBOX = {"content-security-policy": "default-src 'none'; sandbox"}
_GENERATED = {"index.html": "text/html", "table.json": "application/json", "TABLE.md": "text/plain"}


class Base(DeclarativeBase):
    """The database's tables."""


class Upload(Base):
    """An upload that was seen; its number is worth once."""

    __tablename__ = "uploads"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    user: Mapped[str] = mapped_column(String(40), index=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str] = mapped_column(String(400))


class Record(Base):
    """An entry of the store."""

    __tablename__ = "entries"
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    benchmark: Mapped[str] = mapped_column(String(80), index=True)
    model: Mapped[str] = mapped_column(String(80), index=True)
    user: Mapped[str | None] = mapped_column(String(40), index=True)
    submitted: Mapped[str] = mapped_column(String(40))
    mPJE_mean: Mapped[float | None] = mapped_column(Float, index=True)
    sha256: Mapped[str] = mapped_column(String(64))


class Database:
    """What is known beside the store's files.

    Args:
        url: SQLAlchemy's, such as ``sqlite:///state.db`` or ``postgresql+psycopg://...``.

    Raises:
        ConfigError: there is no such database, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        sqlite = url.startswith("sqlite")
        try:
            self.engine = create_engine(url, connect_args={"timeout": 60} if sqlite else {}, pool_pre_ping=not sqlite)
            Base.metadata.create_all(self.engine)
        except (SQLAlchemyError, ImportError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise ConfigError(f"--database: cannot be opened ({reason}); see SQLAlchemy's database URLs.") from None

    def fill(self, store: Store) -> None:
        """Bring the entries to what the store's files say; uploads that led to one count as seen."""
        with Session(self.engine) as session, session.begin():
            there = {stored.id: stored for stored in store.entries()}
            for record in session.scalars(select(Record)):
                if record.id not in there or record.sha256 != there[record.id].sha256:
                    session.delete(record)
            session.flush()
            known = set(session.scalars(select(Record.id)))
            session.add_all(self._record(stored) for name, stored in there.items() if name not in known)
            seen = set(session.scalars(select(Upload.number)))
            for stored in there.values():
                number = stored.entry.upload
                if number is not None and number not in seen:
                    at = datetime.fromisoformat(stored.entry.submitted.replace("Z", "+00:00"))
                    user = stored.entry.user or ""
                    session.add(Upload(number=number, user=user, at=at, outcome=stored.id))

    @staticmethod
    def _record(stored: Stored) -> Record:
        submission = stored.entry.submission
        return Record(
            id=stored.id,
            benchmark=submission.benchmark,
            model=submission.model,
            user=stored.entry.user,
            submitted=stored.entry.submitted,
            mPJE_mean=stored.entry.scores.overall.mPJE_mean,
            sha256=stored.sha256,
        )

    def begin(self, claim: Claim) -> None:
        """Note an upload.

        Raises:
            Unauthorised: it was seen before.
        """
        upload = Upload(number=claim.upload, user=claim.user, at=datetime.now(timezone.utc), outcome="begun")
        try:
            with Session(self.engine) as session, session.begin():
                session.add(upload)
        except IntegrityError:
            raise Unauthorised("this upload was made before; each signature is worth once.") from None

    def end(self, claim: Claim, outcome: str, stored: Stored | None = None) -> None:
        """Note what an upload came to."""
        with Session(self.engine) as session, session.begin():
            upload = session.get(Upload, claim.upload)
            if upload is not None:
                upload.outcome = outcome[:400]
            if stored is not None:
                session.merge(self._record(stored))

    def entries(self, benchmark: str | None, user: str | None) -> list[dict[str, Any]]:
        """Return the entries, best first, of a benchmark or a user or all."""
        query = select(Record).order_by(Record.benchmark, Record.mPJE_mean, Record.submitted)
        if benchmark is not None:
            query = query.where(Record.benchmark == benchmark)
        if user is not None:
            query = query.where(Record.user == user)
        fields = [column.name for column in Record.__table__.columns]
        with Session(self.engine) as session:
            return [{name: getattr(record, name) for name in fields} for record in session.scalars(query)]


def _refuse(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, headers=_HEADERS)


async def _receive(request: Request, path: Path, claim: Claim) -> str | None:
    """Write a body to a file, no more than a bundle may have; return what is wrong with it."""
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
    """Bring database and generated files to what the record says, and return the application.

    Args:
        store: the record.
        database: see :class:`Database`.
        key: the server's, which tokens are derived from.
        labels: data files of benchmarks whose labels are not in the store.
        revoked: users whose tokens no longer count.

    Raises:
        DataError: a file of the record is broken.
    """
    database.fill(store)
    store.write_generated(render)
    app = FastAPI(title="vidzoo leaderboard", docs_url=None, redoc_url=None, openapi_url=None)

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

    @app.get("/entries")
    def entries(benchmark: str | None = None, user: str | None = None) -> JSONResponse:
        """List entries, best first."""
        return JSONResponse(database.entries(benchmark, user), headers=_HEADERS)

    @app.post("/submissions")
    async def submit(request: Request) -> Response:
        """Take a bundle: 201 and the receipt once it is on the disk, or a sentence that says what is wrong."""
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BUNDLE_BYTES:
            return _refuse(413, f"a bundle says its length, at most {MAX_BUNDLE_BYTES >> 20} MiB.")
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
            for path_of_labels in map(str, labels):  # where they lie is nobody's business
                sentence = sentence.replace(path_of_labels, "the labels")
            return _refuse(422, sentence)
        database.end(claim, receipt.entry, stored)
        return JSONResponse(asdict(receipt), 201, headers=_HEADERS)

    return app
