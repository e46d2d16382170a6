"""Kill a training again and again, resume it, and compare it bit by bit with one that was left alone.

    python tests/engine/kill_and_resume.py configs/vidnet_r18.py --kills 6 --work-dir work_dirs/kills \
        --cfg-options train_cfg.max_epochs=6

Every attempt is a forked process that is ended by SIGKILL: in the middle of writing a checkpoint, between the
checkpoint and ``last_checkpoint``, between that and the removal of outdated checkpoints, then at random times. Needs
a system that can fork.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torchvision  # noqa: F401 - as yapf: MMEngine imports them in every run; here once, before the forks
import yapf  # noqa: F401

from vidzoo.cli.arguments import CfgOptions
from vidzoo.cli.run_tool import run_tool
from vidzoo.engine import EpochSeedHook, find_checkpoint, read_checkpoint, train
from vidzoo.engine.hooks import atomic_checkpoint_hook


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_in_write(number: int) -> None:
    """Die when half of the ``number``-th checkpoint of this attempt is on the disk."""
    real, count = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal count
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if name.endswith(".tmp") and ".pth." in name:
            count += 1
            if count == number:
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
                _die()
        real(descriptor)

    os.fsync = fsync


def _die_at_pointer(number: int, after: bool) -> None:
    """Die before or after ``last_checkpoint`` is written for the ``number``-th time in this attempt."""
    real, count = atomic_checkpoint_hook.atomic_path, 0

    @contextmanager
    def dying_path(path: Path) -> Iterator[Path]:
        nonlocal count
        count += 1
        if count == number and not after:
            _die()
        with real(path) as temporary:
            yield temporary
        if count == number:
            _die()

    atomic_checkpoint_hook.atomic_path = dying_path


MOMENTS = {
    "first write": lambda: _die_in_write(1),
    "before pointer": lambda: _die_at_pointer(1, after=False),
    "second write": lambda: _die_in_write(2),
    "after pointer": lambda: _die_at_pointer(1, after=True),
}


def _die_after(seconds: float) -> None:
    """Die that long after the first epoch of this attempt began, whatever is being done then."""
    real = EpochSeedHook.before_train_epoch

    def before_train_epoch(self, runner) -> None:
        EpochSeedHook.before_train_epoch = real
        timer = threading.Timer(seconds, _die)
        timer.daemon = True
        timer.start()
        real(self, runner)

    EpochSeedHook.before_train_epoch = before_train_epoch


def attempt(config: str, work_dir: Path, options: dict[str, Any], prepare: Callable[[], None] | None = None) -> int:
    """Train in a forked process that ``prepare`` may doom; return its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        with (work_dir.parent / f"{work_dir.name}.log").open("a") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        if prepare:
            prepare()
        try:
            train(config, work_dir=work_dir, resume=True, cfg_options=options)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def differences(a: Any, b: Any, path: str = "") -> list[str]:
    """List where two nested structures of tensors and plain values are not the same to the last bit."""
    if isinstance(a, torch.Tensor):
        return [] if torch.equal(a, b) else [path]
    if isinstance(a, dict):
        keys = [f"{path} has other keys"] if a.keys() != b.keys() else []
        return keys + [d for k in a.keys() & b.keys() for d in differences(a[k], b[k], f"{path}/{k}")]
    if isinstance(a, (list, tuple)):
        sizes = [f"{path} has another length"] if len(a) != len(b) else []
        return sizes + [d for i, (x, y) in enumerate(zip(a, b)) for d in differences(x, y, f"{path}/{i}")]
    return [] if a == b else [path]


def kill_and_resume(config: str, work_dir: Path, kills: int, options: dict[str, Any], seed: int = 0) -> None:
    """Print what happens, line by line; exit with status 1 where the two trainings differ.

    Each random moment lies within one epoch of its attempt's begin, so that ``kills`` epochs are enough for all.
    """
    alone, killed = work_dir / "alone", work_dir / "killed"
    for folder in (alone, killed):
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".log").unlink(missing_ok=True)
    work_dir.mkdir(parents=True, exist_ok=True)
    say = functools.partial(print, flush=True)
    began = time.monotonic()
    if attempt(config, alone, options) != 0:
        sys.exit(f"the training alone failed; see {alone}.log")
    duration = time.monotonic() - began
    say(f"alone: {duration:.1f} s")
    rng = random.Random(seed)
    last = find_checkpoint(alone)
    epochs = sorted(path.stat().st_mtime for path in last.parent.glob("epoch_*.pth"))
    moments = list(MOMENTS.items())[:kills]
    for _ in range(kills - len(moments)):
        seconds = rng.uniform(0, epochs[-1] - epochs[-2])
        moments.append((f"after {seconds:.2f} s", functools.partial(_die_after, seconds)))
    for name, prepare in moments:
        status = attempt(config, killed, options, prepare)
        say(f"{name}: status {status}, last checkpoint {find_checkpoint(killed)}")
        if status != -signal.SIGKILL:
            sys.exit(f"'{name}' did not come to pass (status {status}): train for more epochs; see {killed}.log")
    if attempt(config, killed, options) != 0:
        sys.exit(f"the resumed training failed; see {killed}.log")
    a, b = (read_checkpoint(path) for path in (last, find_checkpoint(killed)))
    # All but what tells the time: weights, optimiser, schedules, averaged weights.
    a_state, b_state = ({k: v for k, v in c.items() if k not in ("meta", "message_hub")} for c in (a, b))
    found = differences(a_state, b_state)
    found += [f"meta/{key}" for key in ("epoch", "iter", "seed") if a["meta"][key] != b["meta"][key]]
    leftovers = [path.name for path in killed.glob(".*.tmp")]
    if found or leftovers:
        sys.exit(f"not the same: {len(found)} ({', '.join(found[:5])}); leftovers: {leftovers}")
    say(f"the same to the last bit: {', '.join(a_state)}")


def main() -> None:
    """Parse the arguments, kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--cfg-options", nargs="+", action=CfgOptions, default={})
    args = parser.parse_args()
    kill_and_resume(args.config, args.work_dir, args.kills, args.cfg_options, args.seed)


if __name__ == "__main__":
    run_tool(main)
