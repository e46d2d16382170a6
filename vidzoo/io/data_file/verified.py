"""Which data files have been verified: each content once, remembered over runs in the user's cache folder.

A file is known by its resolved path, its size and its times of change; one that differs in any of them is verified
again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from vidzoo.errors import VidZooError
from vidzoo.io.atomic import atomic_path

Stamp = tuple[str, int, int, int]
"""Resolved path, size in bytes, and the times of the last change of its content and of its inode in ns."""

_verified: set[Stamp] = set()
_CLOCK_NS = 3_000_000_000
"""A file changed so lately may be changed once more without a difference in its times: some disks count 2 s as one."""


def stamp(path: Path) -> Stamp:
    """Return what a file is known by."""
    found = path.stat()
    return str(path.resolve()), found.st_size, found.st_mtime_ns, found.st_ctime_ns


def is_verified(file: Stamp) -> bool:
    """Tell whether this file was verified, in this process or an earlier one."""
    if file not in _verified:
        with suppress(OSError, ValueError, TypeError, RuntimeError):
            if tuple(json.loads(_entry(file).read_text(encoding="utf-8"))) == file:
                _verified.add(file)
    return file in _verified


def remember(file: Stamp) -> None:
    """Remember that a file was verified; where the cache folder cannot be written, for this process alone."""
    if time.time_ns() - max(file[2:]) < _CLOCK_NS:
        return
    _verified.add(file)
    with suppress(OSError, RuntimeError, VidZooError):
        entry = _entry(file)
        entry.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(entry) as temporary:
            temporary.write_text(json.dumps(file), encoding="utf-8")


def _entry(file: Stamp) -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return folder / "vidzoo" / "verified" / f"{hashlib.sha256(os.fsencode(file[0])).hexdigest()[:32]}.json"
