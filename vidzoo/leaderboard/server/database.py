"""The server's database: which uploads were seen, and the entries in a form that is fast to search.

It is filled from the store's files when the server starts, so that losing it loses nothing that was acknowledged.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import DateTime, Float, String, create_engine, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from vidzoo.errors import ConfigError
from vidzoo.leaderboard.entry import Stored
from vidzoo.leaderboard.server.signing import Claim, Unauthorised
from vidzoo.leaderboard.store import Store


class Base(DeclarativeBase):
    """The database's tables."""


class Upload(Base):
    """An upload that was seen; its number is accepted once."""

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
    """The uploads that were seen, and a copy of the entries.

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
        except ImportError as error:
            raise ConfigError(
                f"--database: the driver {error.name} is not installed; PostgreSQL's, for postgresql+psycopg://..., "
                f"comes with pip install 'vidzoo[postgresql]'."
            ) from None
        except SQLAlchemyError as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise ConfigError(f"--database: cannot be opened ({reason}); see SQLAlchemy's database URLs.") from None

    def fill(self, store: Store) -> None:
        """Bring the entries up to date with the store's files; uploads that led to an entry count as seen."""
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
            raise Unauthorised("this upload was made before; each signature is accepted once.") from None

    def end(self, claim: Claim, outcome: str, stored: Stored | None = None) -> None:
        """Note the outcome of an upload."""
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
