"""Go on with a training on the schedule that its config has now."""

from __future__ import annotations

import warnings
from typing import Any

from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop

from vidzoo.errors import CheckpointError

_PROGRESS = {"_global_step", "_last_value", "best", "cooldown_counter", "last_step", "num_bad_epochs"}
"""What of a scheduler's state tells how far it is; the rest is what the config asks of it."""


def schedulers_of(built: Any) -> list[Any]:
    """Return a runner's built ``param_schedulers`` as one list."""
    built = built or []
    return [s for part in built.values() for s in part] if isinstance(built, dict) else built


def is_another(asked: list[dict[str, Any]], had: list[dict[str, Any]]) -> bool:
    """Tell whether two lists of schedulers' states are of different schedules, however far each has come."""
    one, other = ([{k: v for k, v in s.items() if k not in _PROGRESS} for s in states] for states in (asked, had))
    return one != other


def has_not_begun(states: list[dict[str, Any]]) -> bool:
    """Tell whether a scheduler has taken no step yet."""
    return any(state["_global_step"] == 0 for state in states)


def enter_schedule(loop: Any, schedulers: list[Any], states: list[dict[str, Any]], filename: str) -> None:
    """Put schedulers where they would be, had all epochs so far been trained on them.

    Args:
        loop: the training loop, which knows how many epochs are done.
        schedulers: of the runner.
        states: of fresh ones, as the config asks for them.
        filename: of the checkpoint, for the messages.

    Raises:
        CheckpointError: the schedule cannot be entered in its middle.
    """
    if not isinstance(loop, EpochBasedTrainLoop) or any(hasattr(s, "need_val_args") for s in schedulers):
        raise CheckpointError(
            f"{filename}: was trained on another schedule (max_epochs, batch_size, processes, optimizer or "
            f"param_scheduler), and this one cannot be entered in its middle; put the old one back."
        )
    for scheduler, state in zip(schedulers, states):
        scheduler.__dict__ = {"optimizer": scheduler.optimizer, **state, "_global_step": -1, "last_step": -1}
        for group, value in zip(scheduler.optimizer.param_groups, scheduler.base_values):
            group[f"initial_{scheduler.param_name}"] = group[scheduler.param_name] = value
    steps = len(loop.dataloader)
    with warnings.catch_warnings():  # steps without the optimiser's
        warnings.simplefilter("ignore")
        for scheduler in schedulers:
            scheduler.step()
        for step in range(1, loop.epoch * steps + 1):
            for scheduler in schedulers:
                if not scheduler.by_epoch or step % steps == 0:
                    scheduler.step()
    loop._iter = loop.epoch * steps
    print_log(
        f"{filename} was trained on another schedule; epoch {loop.epoch + 1} goes on with the config's: "
        f"{loop.max_epochs} epochs of {steps} steps.",
        logger="current",
    )
