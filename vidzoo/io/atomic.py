"""Writing so that nothing half written is ever found under the name that was asked for."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vidzoo.errors import DataError

_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_room(path: str | Path, num_bytes: int) -> None:
    """Raise the operating system's OSError where the file ``path`` cannot grow by ``num_bytes``; it stays as it is."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with Path(path).open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            try:
                os.posix_fallocate(file.fileno(), size, num_bytes)
            finally:
                file.truncate(size)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Lend an empty temporary file in the folder of ``path``; it takes that name when the block ends without an error.

    Whether the folder can be written to is known before the block begins. The temporary file is gone afterwards in
    any case, and an older file of this name stays as it was if the block fails.

    Raises:
        DataError: the folder is missing, ``path`` is a folder, or it cannot be written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise DataError(f"{path}: the folder {path.parent} does not exist; create it or name another.")
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name the file to write in it.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.touch()
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename == str(temporary) or error.errno in _DISK_IS_FULL:
            # HDF5 packs its own account of the error, buffers and all, into strerror.
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise DataError(f"{path}: cannot be written ({reason}); free some space or name another place.") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
