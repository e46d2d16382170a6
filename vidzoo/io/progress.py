"""A progress bar for what may take long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONG_BYTES = 1 << 30
"""From here on it takes more than a second."""


@contextmanager
def byte_progress(text: str, total: int) -> Iterator[Callable[[int], object]]:
    """Show a progress bar on the terminal while ``total`` bytes are worked through, if these are many.

    Yields what is to be told the number of bytes done.
    """
    if total < LONG_BYTES:
        yield int
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(text, total=total)
        yield lambda done: bar.advance(task, done)
