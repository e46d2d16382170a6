"""Turn what a command ends with into an exit status: a user's mistake is one sentence, never a traceback."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable

from vidzoo.errors import VidZooError

CLOSED_PIPE = 128 + 13
"""The status of a program whose output has lost its reader, as shells count it: 128 + SIGPIPE."""


def run_tool(main: Callable[[], int | None]) -> None:
    """Run a command and exit with its status; do nothing where that is 0.

    A user's mistake ends with status 2 and one sentence, and so does what the operating system refuses (no permission,
    a full disk, a folder for a file). Ctrl-C ends with status 130. Where whoever reads the output has closed it, as
    ``| head -1`` does, the command ends quietly; a training goes on without its log on the screen.
    """
    logging.raiseExceptions = False  # else a page on standard error for every line of a log that has lost its reader
    try:
        status = _status(main)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python writes what is left in the buffer once more as it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = CLOSED_PIPE
    if status:
        sys.exit(status)


def _status(main: Callable[[], int | None]) -> int | str | None:
    """Run ``main``; say in one sentence what went wrong, if anything did, and return the status."""
    try:
        return main()
    except SystemExit as end:  # argparse's
        return end.code
    except VidZooError as error:
        rank = os.environ.get("RANK", "0")
        if rank.isdecimal() and int(rank) > 0:
            time.sleep(5)  # where rank 0 has the same to say, its launcher ends this process before it repeats it
        # From a DataLoader's worker process the message comes wrapped in that process's traceback.
        sentence = str(error).rpartition(f"{type(error).__module__}.{type(error).__qualname__}: ")[2].strip()
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            print(flush=True)  # raises the same where it is the output that is closed, and not another pipe
        # Without a file's name the last line says it best: a DataLoader's worker sends its traceback before it.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        sentence = f"{error.filename}: {error.strerror}" if error.filename else lines[-1]
    except (KeyboardInterrupt, SyntaxError) as error:
        # MMEngine calls whatever happens while it formats a config, Ctrl-C too, a syntax error.
        if isinstance(error, SyntaxError) and not isinstance(error.__context__, KeyboardInterrupt):
            raise
        print("interrupted", file=sys.stderr)
        return 130
    print(f"error: {sentence}", file=sys.stderr)
    return 2
