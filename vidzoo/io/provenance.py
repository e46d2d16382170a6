"""Where figures come from: the code's commit, a file's hash and the processor; without torch."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import vidzoo


def commit() -> str | None:
    """Return the commit of the checkout that this code runs from, '-dirty' if code or configs differ from it.

    None where it is installed otherwise.
    """
    folder = Path(vidzoo.__file__).parent
    git = ["git", "-C", str(folder)]
    options: dict[str, Any] = {"check": True, "capture_output": True, "text": True, "timeout": 10}
    try:
        # a site-packages folder inside somebody's repository is not tracked by it
        subprocess.run([*git, "ls-files", "--error-unmatch", "__init__.py"], **options)
        run = subprocess.run([*git, "rev-parse", "HEAD"], **options)
        changed = subprocess.run([*git, "status", "--porcelain", "--", ".", "../configs"], **options)
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.strip() + ("-dirty" if changed.stdout else "")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file of any size, in hexadecimal digits."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def processor() -> str:
    """Return the processor's name and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        name = found[1] if found else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"CPU, {name}, {cores} cores"
