"""JSON documents of submitters: every field is checked, and equal content gives equal bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from vidzoo.errors import DataError

MAX_DOCUMENT_BYTES = 4 << 20


def _check_printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("holds characters that cannot be printed, or begins or ends with a space")
    return text


def _check_text(text: str) -> str:
    bad = next((c for c in text if not (c.isprintable() or c in "\n\t")), None)
    if bad is not None:
        raise ValueError(f"holds the character U+{ord(bad):04X}, which is no text")
    return text


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_check_printable)]
"""A short text of one line."""
Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_check_printable)]
"""What somebody calls something: shown in tables."""
Text = Annotated[str, Field(max_length=256 << 10), AfterValidator(_check_text)]
"""A text of many lines."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Figure = Annotated[float, Field(allow_inf_nan=False)]
BenchmarkName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}@[1-9][0-9]{0,3}$")]
"""name@version."""
BENCHMARK_ID = r"[a-z][a-z0-9-]{0,30}@[1-9][0-9]{0,3}/[a-z_]{1,30}"
BenchmarkId = Annotated[str, Field(pattern=f"^{BENCHMARK_ID}$")]
"""name@version/protocol."""
ENTRY_ID = r"[0-9]{8}T[0-9]{12}Z-[a-z0-9-]{1,40}-[0-9a-f]{8}"
EntryId = Annotated[str, Field(pattern=f"^{ENTRY_ID}$")]
"""utc-slug-sha8, of an entry of the store."""


class Document(BaseModel):
    """A JSON object of exactly these fields, of exactly these types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


D = TypeVar("D", bound=Document)


def canonical(content: Document | dict[str, Any]) -> bytes:
    """Return JSON in its one form: sorted keys, one space of indent, UTF-8, a newline at the end."""
    if isinstance(content, Document):
        content = content.model_dump(mode="json")
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def sha256(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def parse(kind: type[D], content: bytes, where: str) -> D:
    """Read a document.

    Raises:
        DataError: it is no JSON, or not of this kind; the message names the first field at fault.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part)[:40] for part in first["loc"][:6]) or "the file"
        further = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise DataError(f"{where}: {field}: {first['msg'][:300]}{further}.") from None


def read_document(kind: type[D], path: Path) -> D:
    """Read a document from a file that must hold it in its one form.

    Raises:
        DataError: it is missing, too large, of another kind, or written otherwise (then somebody has changed it).
    """
    content = read_bytes(path, MAX_DOCUMENT_BYTES)
    found = parse(kind, content, str(path))
    if canonical(found) != content:
        raise DataError(f"{path}: is not written as this program writes it: it was changed by hand.")
    return found


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """Read a small file.

    Raises:
        DataError: it is missing, no file, or larger than ``max_bytes``.
    """
    if path.is_symlink() or not path.is_file():
        raise DataError(f"{path}: no such file.")
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise DataError(f"{path}: larger than the {max_bytes:,} bytes that such a file may have.")
    return content
