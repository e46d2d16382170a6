"""How much faster a training is from features than from images."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

from vidzoo import __version__
from vidzoo.engine.contract import unwrapped
from vidzoo.engine.run import build_runner
from vidzoo.io.provenance import commit, processor
from vidzoo.io.splits import Split

STEPS = {"images": 3, "features": 60}
"""Steps that are counted."""


def measure_speed(
    config: str | Path, data_file: str | Path, split: str | Path, features: str | Path, work_dir: str | Path
) -> dict[str, Any]:
    """Measure training steps from images and from features, one after the other, in this process alone.

    Both train on the same clips in the same order. The first step of each is not counted.

    Args:
        config: path of a config with a frozen image part.
        data_file: path of the data file.
        split: path of its split.
        features: path of its features file.
        work_dir: for the logs.

    Returns:
        For ``images`` and ``features`` the counted ``clips``, their ``seconds`` and the processor's, ``times_faster``
        (by the processor's seconds; on a GPU by the clock), and what was run.

    Raises:
        ConfigError: the config does not fit the files.
        DataError: a file cannot be read.
    """
    single = {"train_dataloader.num_workers": 0, "train_dataloader.persistent_workers": False}
    files = {"data_file": str(data_file), "split": str(split)}
    measured: dict[str, Any] = {}
    for name, more in (("images", {}), ("features", {"features": str(features)})):
        runner = build_runner(config, work_dir=Path(work_dir) / name, cfg_options=single | files | more)
        runner.build_training()
        loader, model = runner.train_dataloader, unwrapped(runner.model)
        model.set_statistics(loader.dataset.target_statistics())
        model.train()
        batches = itertools.chain.from_iterable(itertools.repeat(loader))
        clips, seconds, processor_seconds = 0, 0.0, 0.0
        for step in track(range(STEPS[name] + 1), description=f"training from {name}", transient=True):
            began, began_computing = time.perf_counter(), time.process_time()
            batch = next(batches)
            model.train_step(batch, runner.optim_wrapper)
            if step:
                clips += len(batch["data_samples"])
                seconds += time.perf_counter() - began
                processor_seconds += time.process_time() - began_computing
        measured[name] = {"clips": clips, "seconds": seconds, "processor_seconds": processor_seconds}
    # On a machine that computes other things too, the time on the clock says as much of those.
    used = "seconds" if torch.cuda.is_available() else "processor_seconds"
    per_clip = [measured[name][used] / measured[name]["clips"] for name in ("images", "features")]
    return measured | {
        "times_faster": per_clip[0] / per_clip[1],
        "config": Path(config).stem,
        "split_hash": Split.load(split).hash,
        "predictions_per_clip": loader.dataset.predictions,
        "parameters_trained": sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
        "provenance": {
            "vidzoo": __version__,
            "commit": commit(),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "device": processor() if not torch.cuda.is_available() else torch.cuda.get_device_name(),
        },
    }
