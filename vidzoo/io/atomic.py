"""Write files so that each is found under its name only when it is whole and on the disk."""

from __future__ import annotations

import errno
import glob
import os
import re
import secrets
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from vidzoo.errors import DataError

_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""A shared disk may know no hard links."""
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]+\.tmp")
_LEFT_BEHIND_S = 24 * 3600
"""A temporary file that has not grown for so long was left by a process that was killed, s."""

_Handler = signal.Handlers | Callable[[int, FrameType | None], None]
_unfinished: dict[Path, int] = {}
"""The temporary files that are being written now, and the process that writes each."""


def check_room(path: str | Path, num_bytes: int) -> None:
    """Raise the operating system's OSError where the file ``path`` cannot grow by ``num_bytes``; it stays as it is."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with Path(path).open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            try:
                os.posix_fallocate(file.fileno(), size, num_bytes)
            finally:
                file.truncate(size)


def check_output(output: str | Path, *inputs: str | Path | None) -> None:
    """Refuse to write over an input, under whatever name: links to the same file count.

    Raises:
        DataError: ``output`` is the same file as one of ``inputs``.
    """
    for path in inputs:
        with suppress(OSError):  # one of them does not exist
            if path is not None and Path(output).samefile(path):
                raise DataError(f"{output}: is also an input, which writing would destroy; name another output.")


def check_folder(folder: str | Path) -> None:
    """Check that a folder is there or can be made: neither it nor one above it is a file.

    Raises:
        DataError: one is.
    """
    for path in (Path(folder), *Path(folder).absolute().parents):
        if path.exists() and not path.is_dir():
            raise DataError(f"{folder}: {path} is a file; name a folder.")


@contextmanager
def atomic_path(path: str | Path, replace: bool = True) -> Iterator[Path]:
    """Lend an empty temporary file in the folder of ``path``; it takes that name when the block ends without an error.

    By then the content and the name are flushed to the disk. Where ``path`` is a symbolic link, its target is written
    and the link stays; an older file's permissions are kept. Whether the folder can be written to is known before the
    block begins. The temporary file is removed at an error, at Ctrl-C and at SIGTERM; what SIGKILL left of this name is
    removed once it is a day old. Any number of threads, processes and machines may write the same name at once.

    Args:
        path: the file to write.
        replace: whether an older file of this name may be replaced.

    Raises:
        DataError: the folder is missing, ``path`` is a folder, a device, a pipe or a socket, or it cannot be written.
        FileExistsError: not ``replace``, and there is a file of this name.
    """
    path = Path(path)
    target, mode = _target(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with _removed_in_any_case(temporary):
            temporary.touch(0o666 if mode is None else 0o600, exist_ok=False)
            _remove_old_leftovers(temporary, target.name)
            yield temporary
            _flush(temporary, mode)
            if replace:
                temporary.replace(target)
            else:
                _link(temporary, target)
            _flush_folder(target.parent)
    except OSError as error:
        if error.filename == str(temporary) or error.errno in _DISK_IS_FULL:
            # HDF5 packs its own account of the error, buffers and all, into strerror.
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise DataError(f"{path}: cannot be written ({reason}); free some space or name another place.") from error
        raise


def remove_leftovers(folder: str | Path, *names: str) -> list[Path]:
    """Remove, whatever its age, what killed writers left of the files whose names match one of the patterns ``names``.

    Only for a folder that no other process writes to.
    """
    found = [path for name in names for path in Path(folder).glob(f".{name}.*.tmp")]
    leftovers = [path for path in found if _TEMPORARY.fullmatch(path.name)]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return leftovers


def _target(path: Path) -> tuple[Path, int | None]:
    """Return the file that writing to ``path`` means, and its permissions; None where there is none yet."""
    mode = None
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}); name another place.") from error
    if mode is not None and stat.S_ISDIR(mode):
        raise DataError(f"{path}: is a folder; name the file to write in it.")
    if mode is not None and not stat.S_ISREG(mode):
        raise DataError(f"{path}: is a device, a pipe or a socket; name a file.")
    target = path.resolve() if path.is_symlink() else path
    if not target.parent.is_dir():
        raise DataError(f"{path}: the folder {target.parent} does not exist; create it or name another.")
    return target, None if mode is None else stat.S_IMODE(mode)


def _flush(temporary: Path, mode: int | None) -> None:
    """Give a file its permissions and wait until it is on the disk."""
    with temporary.open("r+b") as file:
        if mode is not None:
            temporary.chmod(mode)
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(temporary)) from error


def _flush_folder(folder: Path) -> None:
    """Wait until a folder's names are on the disk."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _link(temporary: Path, target: Path) -> None:
    """Give a file its name, unless there is a file of that name."""
    try:
        target.hardlink_to(temporary)
    except OSError as error:
        if not isinstance(error, FileExistsError) and error.errno not in _NO_LINKS:
            raise
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        temporary.replace(target)


def _remove_old_leftovers(temporary: Path, name: str) -> None:
    """Remove what was left of files ``name`` and is a day older than ``temporary`` by the clock of their disk."""
    now = temporary.stat().st_mtime
    for path in temporary.parent.glob(f".{glob.escape(name)}.*.tmp"):
        with suppress(OSError):  # its writer or another one has removed it
            if (
                re.fullmatch(rf"\.{re.escape(name)}\.[0-9a-f]+\.tmp", path.name)
                and now - path.stat().st_mtime > _LEFT_BEHIND_S
            ):
                path.unlink()


@contextmanager
def _removed_in_any_case(temporary: Path) -> Iterator[None]:
    """Remove a file when the block ends, at the latest when SIGTERM ends this process.

    A handler is installed for as long as something is being written, and only where SIGTERM has its default effect: a
    handler of the program's own either raises, which ends the block, or goes on, and so does the writing then.
    """
    _unfinished[temporary] = os.getpid()
    _handle_sigterm(signal.SIG_DFL, _remove_and_end)
    try:
        yield
    finally:
        temporary.unlink(missing_ok=True)
        del _unfinished[temporary]
        if not _unfinished:
            _handle_sigterm(_remove_and_end, signal.SIG_DFL)


def _handle_sigterm(instead_of: _Handler, handler: _Handler) -> None:
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is instead_of:
        signal.signal(signal.SIGTERM, handler)


def _remove_and_end(number: int, frame: FrameType | None) -> None:
    """Remove what this process, not its parent, has left unfinished; then end as without this handler."""
    for path, process in list(_unfinished.items()):
        if process == os.getpid():
            with suppress(OSError):
                path.unlink(missing_ok=True)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the first process of a container survives a signal that it does not handle
