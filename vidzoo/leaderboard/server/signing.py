"""Sign uploads with a user's token, and check the signatures; the token itself is never sent.

A token is a user's name and a key that the server derives from its own key, so that it keeps no list of secrets. Each
signature is accepted once. The header of an upload is ``VidZoo user="..." upload="..." time="..." body="..."
signature="..."``: a random number that no other upload has, the seconds since 1970, the SHA-256 of the body, and their
HMAC-SHA256 with the user's key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from vidzoo.errors import ConfigError

SCHEME = "VidZoo"
VALID_FOR_S = 900
"""How long a signature is accepted, and by how much clocks may differ, s."""
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_HEADER = re.compile(
    rf'{SCHEME} user="({_USER.pattern})" upload="([0-9a-f]{{32}})" time="([0-9]{{1,12}})" '
    r'body="([0-9a-f]{64})" signature="([0-9a-f]{64})"'
)


@dataclass(frozen=True)
class Token:
    """A user's name and key."""

    user: str
    key: bytes

    def __str__(self) -> str:
        return f"{self.user}:{self.key.hex()}"

    def __repr__(self) -> str:
        return f"Token({self.user})"

    @classmethod
    def parse(cls, text: str) -> Token:
        """Read ``user:key``.

        Raises:
            ConfigError: the text has another form.
        """
        user, _, key = text.strip().partition(":")
        if not (_USER.fullmatch(user) and re.fullmatch(r"[0-9a-f]{64}", key)):
            raise ConfigError(
                "the token cannot be read: expected user:key, as 'vidzoo serve-leaderboard --issue' prints it."
            )
        return cls(user, bytes.fromhex(key))


@dataclass(frozen=True)
class Claim:
    """What a header says whose signature was checked."""

    user: str
    upload: str
    body_sha256: str


class Unauthorised(Exception):
    """An upload is not accepted; the message says why."""


def issue(server_key: bytes, user: str) -> Token:
    """Return a user's token; the same each time.

    Raises:
        ConfigError: the name has another form.
    """
    if not _USER.fullmatch(user):
        raise ConfigError(f"user {user[:80]!r}: 1 to 40 letters, digits, dots, hyphens or underscores are expected.")
    return Token(user, hmac.digest(server_key, user.encode(), hashlib.sha256))


def _signature(key: bytes, *parts: str) -> str:
    return hmac.new(key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def sign(token: Token, body: bytes) -> str:
    """Return the ``Authorization`` header of one upload of ``body``."""
    parts = (token.user, secrets.token_hex(16), str(int(time.time())), hashlib.sha256(body).hexdigest())
    user, upload, now, digest = parts
    return (
        f'{SCHEME} user="{user}" upload="{upload}" time="{now}" body="{digest}" '
        f'signature="{_signature(token.key, *parts)}"'
    )


def verify(server_key: bytes, header: str | None, revoked: frozenset[str] = frozenset()) -> Claim:
    """Check a header's signature; the caller checks that the upload is new and that the body is the signed one.

    Raises:
        Unauthorised: the header is missing, malformed, too old, or not signed with the user's key.
    """
    found = _HEADER.fullmatch(header or "")
    if not found:
        raise Unauthorised("no signature; submit with 'vidzoo submit' and a token.")
    user, upload, at, digest, signature = found.groups()
    key = issue(server_key, user).key
    if not hmac.compare_digest(signature, _signature(key, user, upload, at, digest)) or user in revoked:
        raise Unauthorised("this server does not accept the token, or no longer; ask its operator for one.")
    if abs(time.time() - int(at)) > VALID_FOR_S:
        raise Unauthorised(f"the signature was not made in the last {VALID_FOR_S // 60} minutes; set your clock.")
    return Claim(user, upload, digest)


def load_key(path: Path) -> bytes:
    """Return the server's key from a file that only its owner can read; make the file where it is missing.

    Raises:
        ConfigError: the file holds no key, or others may read it.
    """
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path}: others may read the server's key; chmod 600 it.") from None
        text = path.read_text(encoding="ascii", errors="replace").strip()
        if not re.fullmatch(r"[0-9a-f]{64}", text):
            raise ConfigError(f"{path}: holds no server key; name another file for --key.") from None
        return bytes.fromhex(text)
    key = secrets.token_bytes(32)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
    return key
