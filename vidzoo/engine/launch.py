"""Start several processes of a command on this machine.

``torchrun`` itself, on a port of its own, with two differences: it ends with the status of the process that failed
first instead of 1, or as a signal asked it to, and does not follow that process's message by a page of its own.
"""

from __future__ import annotations

import logging
import os
import sys

from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError


def launch(processes: int, command_line: list[str]) -> None:
    """Run a command of vidzoo in several processes and exit with their status.

    The cores are shared out among the processes unless OMP_NUM_THREADS says otherwise.

    Args:
        processes: their number.
        command_line: the words after ``vidzoo``; ``--launcher pytorch`` is added.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = str(max(1, cores // processes))
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, threads)
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the failed process has said why
    command = ["--module", "vidzoo.cli", *command_line, "--launcher", "pytorch"]
    arguments = ["--standalone", f"--nproc-per-node={processes}", *command]
    try:
        torchrun.run(torchrun.parse_args(arguments))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode < 0:
            print(f"error: process {rank} was ended by {failure.signal_name()}", file=sys.stderr)
            sys.exit(128 - failure.exitcode)
        sys.exit(failure.exitcode)
    except SignalException as error:
        print(f"ended by {error.sigval.name}", file=sys.stderr)
        sys.exit(128 + error.sigval)
