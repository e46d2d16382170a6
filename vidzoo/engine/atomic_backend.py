"""Files that are either the old ones or the new ones, whenever the power goes."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

_TEMPORARY = re.compile(r"^\..+\.\d+\.tmp$")


def write_atomically(content: bytes, path: str | Path) -> None:
    """Write ``content`` to a temporary name in the same folder, flush it to the disk, then rename it to ``path``."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the rename itself is on the disk only when its folder is
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def remove_leftovers(folder: str | Path, names: tuple[str, ...]) -> list[Path]:
    """Remove what a killed ``write_atomically`` left of the files whose names match one of the patterns ``names``."""
    leftovers = [path for name in names for path in Path(folder).glob(f".{name}.*.tmp") if _TEMPORARY.match(path.name)]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return leftovers


class AtomicLocalBackend(LocalBackend):
    """Let everything that MMEngine writes through its file backends be written atomically."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes; a file that is there stays whole until the new one is."""
        write_atomically(obj, filepath)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = "utf-8") -> None:
        """Write text; a file that is there stays whole until the new one is."""
        write_atomically(obj.encode(encoding), filepath)


register_backend("local", AtomicLocalBackend, force=True, prefixes="")
