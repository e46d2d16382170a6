"""Do many tasks, in some processes, and give their results in the tasks' order."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

import cv2

Task = TypeVar("Task")
Result = TypeVar("Result")


def do_all(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    jobs: int,
    prepare: Callable[..., Any] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Generator[Result, None, None]:
    """Yield the result of every task, in their order.

    Args:
        work: what is done with a task; a function of a module, which a process can be told by its name.
        tasks: what it is done with.
        jobs: processes; 1: this one.
        prepare: called with ``arguments`` once in each process, before any task.
        arguments: of ``prepare``.

    Raises:
        BrokenProcessPool: a process died.
    """
    jobs = min(jobs, len(tasks))
    if jobs <= 1:
        if prepare is not None:
            prepare(*arguments)
        yield from map(work, tasks)
        return
    # Spawned, not forked: the caller may hold threads and open HDF5 files.
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin, (prepare, arguments))
    try:
        yield from pool.map(work, tasks)
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(prepare: Callable[..., Any] | None, arguments: tuple[Any, ...]) -> None:
    cv2.setNumThreads(0)
    if prepare is not None:
        prepare(*arguments)
