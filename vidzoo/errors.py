"""What a user's mistake turns into: one sentence and exit status 2, never a traceback."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable


class VidZooError(Exception):
    """Say in one sentence what is wrong, where, what was expected and how to mend it."""


class DataError(VidZooError):
    """A file or folder of data is missing, broken, or does not say what its format promises."""


class ConfigError(VidZooError):
    """A config names something that does not exist or that does not fit its neighbours."""


class CheckpointError(VidZooError):
    """A checkpoint cannot be read safely or belongs to another model."""


class UnknownNameError(ConfigError, KeyError):
    """A name is not in a registry."""

    # KeyError's own __str__ shows repr(), quotes and all.
    __str__ = Exception.__str__


def run_tool(main: Callable[[], None]) -> None:
    """Run a command-line tool's ``main``; end with status 2 and one sentence on a user's mistake.

    What the operating system refuses (no permission, a full disk, a folder for a file) is answered the same way.
    """
    try:
        main()
    except VidZooError as error:
        if int(os.environ.get("RANK", "0")) > 0:
            time.sleep(5)  # where rank 0 has the same to say, its launcher ends this process before it repeats it
        # From a DataLoader's worker process the message comes wrapped in that process's traceback.
        sentence = str(error).rpartition(f"{type(error).__module__}.{type(error).__qualname__}: ")[2].strip()
        print(f"error: {sentence}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        # Without a file's name the last line says it best: a DataLoader's worker sends its traceback before it.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        sentence = f"{error.filename}: {error.strerror}" if error.filename else lines[-1]
        print(f"error: {sentence}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, SyntaxError) as error:
        # MMEngine calls whatever happens while it formats a config, Ctrl-C too, a syntax error.
        if isinstance(error, SyntaxError) and not isinstance(error.__context__, KeyboardInterrupt):
            raise
        print("interrupted", file=sys.stderr)
        sys.exit(130)
