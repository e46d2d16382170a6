"""Bundles: what a submitter hands in, one file of a description and predictions."""

from __future__ import annotations

import ast
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from vidzoo.errors import ConfigError, DataError
from vidzoo.io.atomic import atomic_path
from vidzoo.io.predictions import Predictions, read_predictions
from vidzoo.io.provenance import file_sha256
from vidzoo.leaderboard.benchmark import RANKED_BY
from vidzoo.leaderboard.documents import (
    ENTRY_ID,
    BenchmarkId,
    Document,
    EntryId,
    Figure,
    Line,
    Name,
    Sha256,
    Text,
    canonical,
    parse,
)

MAX_BUNDLE_BYTES = 128 << 20
MAX_DESCRIPTION_BYTES = 2 << 20
MAX_UNPACKED_BYTES = 512 << 20
"""Of predictions: 63,369 frames take 9 MB."""
_MEMBERS = ("submission.json", "predictions.npz")
_SPDX = r"^[A-Za-z0-9][A-Za-z0-9.+-]{0,79}$"


def check_config(text: str) -> str:
    """Return a dumped config that holds plain values only.

    Nothing here runs it; but whoever wants to reproduce a result will, and gets no imports and no calls but ``dict``.

    Raises:
        ValueError: a line does something else.
    """
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"is no config ({type(error).__name__})") from None
    for statement in statements:
        names = statement.targets if isinstance(statement, ast.Assign) else ()
        if len(names) != 1 or not isinstance(names[0], ast.Name):
            raise ValueError(f"line {statement.lineno} is no 'name = value'")
        pending = [statement.value]  # type: ignore[attr-defined]
        while pending:
            node = pending.pop()
            if isinstance(node, ast.Call):
                plain = isinstance(node.func, ast.Name) and node.func.id in ("dict", "set") and len(node.args) <= 1
                children: list[ast.AST] = [*node.args, *(keyword.value for keyword in node.keywords)]
            elif isinstance(node, ast.Dict):
                plain, children = None not in node.keys, [*filter(None, node.keys), *node.values]
            elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
                plain, children = True, list(node.elts)
            elif isinstance(node, ast.UnaryOp):
                plain, children = isinstance(node.op, ast.USub), [node.operand]
            else:
                plain, children = isinstance(node, ast.Constant), []
            if not plain:
                line = getattr(node, "lineno", statement.lineno)
                raise ValueError(f"line {line} computes something; a dumped config holds plain values only")
            pending += children  # type: ignore[arg-type]
    return text


class Submission(Document):
    """What the submitter says; only the predictions are believed."""

    format: Literal["vid-submission"] = "vid-submission"
    version: Literal[1] = 1
    benchmark: BenchmarkId
    model: Name
    authors: Annotated[tuple[Name, ...], Field(min_length=1, max_length=40)]
    licence: Annotated[str, Field(pattern=_SPDX)]
    """Of the submission; an SPDX identifier."""
    card: Text
    """The model card, Markdown; in an entry '', for it lies in the store's cards."""
    predictions_sha256: Sha256
    claimed: dict[Name, Figure]
    """The submitter's own overall figures; refused where scoring gives others."""
    config: Annotated[Text, AfterValidator(check_config)] | None = None
    """The merged config as text."""
    checkpoint_sha256: Sha256 | None = None
    commit: Line | None = None
    environment: dict[Name, Line] = {}
    seed: int | None = None
    inputs: tuple[Name, ...] = ()
    parameters: Annotated[int, Field(ge=0)] | None = None
    seconds_per_1000_predictions: Annotated[Figure, Field(ge=0)] | None = None
    training_data: dict[Name, Line] = {}
    remark: Annotated[Text, Field(max_length=2000)] = ""
    supersedes: EntryId | None = None
    """An entry of the same model and benchmark that this one takes the place of."""
    reproduces: EntryId | None = None
    """An entry of other authors that this one was trained again from."""


@dataclass(frozen=True)
class Bundle:
    """An unpacked bundle."""

    submission: Submission
    predictions: Predictions
    file: Path
    """The predictions' file."""


def _line(value: Any) -> str | None:
    """Return a value of the provenance as a line of text."""
    text = " ".join(str(value).split())[:200] if value is not None else ""
    return text if text.isprintable() and text else None


def describe(
    predictions: Path,
    benchmark: BenchmarkId,
    model: str,
    authors: list[str],
    licence: str,
    card: Path,
    claimed: dict[str, float],
    remark: str = "",
    supersedes: str | None = None,
    reproduces: str | None = None,
) -> Submission:
    """Describe a predictions file: what the submitter says, and what the file knows of its origin.

    Raises:
        DataError: a file cannot be read, or something in it is not as a submission needs it.
    """
    provenance = read_predictions(predictions).provenance
    if not card.is_file() or card.stat().st_size > MAX_DESCRIPTION_BYTES:
        raise DataError(f"--card {card}: no such file, or larger than {MAX_DESCRIPTION_BYTES >> 20} MiB.")
    try:
        text = card.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"--card {card}: is no UTF-8 text ({error}).") from None

    def part(name: str) -> dict[str, Any]:
        found = provenance.get(name)
        return found if isinstance(found, dict) else {}

    environment = {key: _line(provenance.get(key)) for key in ("vidzoo", "torch", "python", "device", "processes")}
    training = {key: _line(part("trained_on").get(key)) for key in ("data_file", "split_hash", "protocol", "subset")}
    content = {
        "benchmark": benchmark,
        "model": model,
        "authors": authors,
        "licence": licence,
        "card": text,
        "predictions_sha256": file_sha256(predictions),
        "claimed": claimed,
        "config": provenance.get("config"),
        "checkpoint_sha256": part("checkpoint").get("sha256"),
        "commit": _line(provenance.get("commit")),
        "environment": {key: value for key, value in environment.items() if value},
        "seed": provenance.get("seed"),
        "inputs": list(provenance.get("inputs") or ()),
        "parameters": provenance.get("parameters"),
        "seconds_per_1000_predictions": provenance.get("seconds_per_1000_predictions"),
        "training_data": {key: value for key, value in training.items() if value},
        "remark": remark,
        "supersedes": supersedes,
        "reproduces": reproduces,
    }
    return parse(Submission, canonical(content), f"{predictions}: cannot be submitted")


def write_bundle(path: Path, submission: Submission, predictions: Path) -> None:
    """Write a bundle under a temporary name, then rename it.

    Raises:
        DataError: it cannot be written.
    """
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(_MEMBERS[0], canonical(submission))
        archive.write(predictions, _MEMBERS[1])


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Lend an unpacked bundle; what was unpacked is gone afterwards.

    Raises:
        DataError: it is no bundle: other members than the two, more bytes than are read, a description with a field
            missing, wrong or too much, predictions that cannot be read safely or are others than described.
    """
    where = path.name
    if not path.is_file() or path.stat().st_size > MAX_BUNDLE_BYTES:
        raise DataError(f"{where}: no such file, or larger than the {MAX_BUNDLE_BYTES >> 20} MiB of a bundle.")
    with tempfile.TemporaryDirectory(prefix="vidzoo-") as folder:
        file = Path(folder, _MEMBERS[1])
        try:
            with zipfile.ZipFile(path) as archive:
                infos = {info.filename: info for info in archive.infolist()}
                if sorted(infos) != sorted(_MEMBERS) or len(archive.infolist()) != len(_MEMBERS):
                    found = ", ".join(repr(name[:40]) for name in sorted(infos)[:6])
                    raise ValueError(f"it holds {found or 'nothing'}, expected {' and '.join(_MEMBERS)}")
                if any(info.compress_type != zipfile.ZIP_STORED for info in infos.values()):
                    raise ValueError("its members are packed, expected them stored as they are")
                if infos[_MEMBERS[0]].file_size > MAX_DESCRIPTION_BYTES:
                    raise ValueError(f"its description is larger than {MAX_DESCRIPTION_BYTES >> 20} MiB")
                description = archive.read(_MEMBERS[0])
                with archive.open(_MEMBERS[1]) as source, file.open("wb") as target:
                    shutil.copyfileobj(source, target)  # stored: no more bytes than the bundle's own
        except Exception as error:  # zipfile answers a hostile file with nearly anything
            raise DataError(f"{where}: is no bundle ({str(error)[:300]}); make it with 'vidzoo submit'.") from None
        submission = parse(Submission, description, f"{where}: {_MEMBERS[0]}")
        if file_sha256(file) != submission.predictions_sha256:
            raise DataError(f"{where}: its predictions are not those that its description names; make it again.")
        try:
            predictions = read_predictions(file, MAX_UNPACKED_BYTES)
        except DataError as error:
            raise DataError(str(error).replace(str(file), f"{where}: {_MEMBERS[1]}")) from None
        yield Bundle(submission, predictions, file)


def for_split(predictions: Predictions, split_hash: str, frames_hash: str, benchmark: str) -> Predictions:
    """Return predictions as of the benchmark's split.

    Those of a file built again on another machine, which may differ in the last bit and so have a split of another
    hash, are taken where that split has the same frames in every subset.

    Raises:
        DataError: they are of another split.
    """
    if split_hash == predictions.split_hash:
        return predictions
    if predictions.provenance.get("split_frames_hash") != frames_hash:
        raise DataError(
            f"predictions: they were made for the split {predictions.split_hash[:12]}, which is not that of "
            f"{benchmark}; test the model on that benchmark's split."
        )
    return replace(predictions, split_hash=split_hash)


def check_claim(claimed: dict[str, float], scored: dict[str, Any]) -> None:
    """Compare the submitter's figures with the score.

    Raises:
        DataError: one differs by more than rounding, or is of no such metric.
    """
    for name, value in claimed.items():
        true = scored.get(name)
        if not isinstance(true, float) or abs(value - true) > 1e-4 * max(1.0, abs(true)):
            raise DataError(
                f"claimed {name[:40]}: {value:.6g} is claimed, scoring gives "
                f"{f'{true:.6g}' if isinstance(true, float) else 'no such figure'}; claim what was scored."
            )
    if claimed and RANKED_BY not in claimed:
        raise DataError(f"claimed: {RANKED_BY}, which ranks, is missing among the figures.")


def slug(text: str) -> str:
    """Return a name of lower-case letters, digits and hyphens for a file."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    return found or "model"


def check_reference(kind: str, found: str | None) -> None:
    """Check the form of ``--supersedes`` or ``--reproduces``.

    Raises:
        ConfigError: it is no entry's name.
    """
    if found is not None and not re.fullmatch(ENTRY_ID, found):
        raise ConfigError(f"--{kind} {found[:80]}: expected an entry's name, the file's in submissions/ without .json.")
