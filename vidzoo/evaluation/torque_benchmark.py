"""The three-level metric as an MMEngine plug-in: a thin shell over :mod:`vidzoo.evaluation.score`."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.evaluator import BaseMetric
from mmengine.logging import MessageHub, print_log

import vidzoo
from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.errors import ConfigError, DataError
from vidzoo.evaluation.report import format_line, format_report
from vidzoo.evaluation.results import write_results
from vidzoo.evaluation.score import score
from vidzoo.io.atomic import check_folder, check_output
from vidzoo.io.data_file import DataFile
from vidzoo.io.predictions import Predictions, benchmark_columns, write_predictions
from vidzoo.io.provenance import commit, file_sha256, processor
from vidzoo.io.splits import Split
from vidzoo.registry import METRICS
from vidzoo.task import TaskSpec

_LOGGED = ("mPJE_mean", "mPJE_sum", "lower_limb_mean", "RMSE", "percent_BWht", "pearson_r", "R2")


def _checkpoint(config: str) -> dict[str, str] | None:
    """Return name and SHA-256 of the checkpoint that a dumped config loads."""
    found = re.search(r"^load_from = (['\"])(.+)\1$", config, re.MULTILINE)
    if found is None:
        return None
    path = Path(found[2])
    checkpoint = {"name": path.name}
    if path.is_file():
        checkpoint["sha256"] = file_sha256(path)
    return checkpoint


def provenance(device: torch.device) -> dict[str, Any]:
    """Return what a result file says of its making; ``device`` is where the model ran."""
    hub = MessageHub.get_current_instance()
    config = hub.get_info("cfg")
    checkpoint = None if config is None else _checkpoint(config)
    if config is not None:  # the result must not tell where the project lies on this machine
        config = config.replace(f"{Path.cwd()}{os.sep}", "")
    on_gpu = device.type == "cuda"
    return {
        "vidzoo": vidzoo.__version__,
        "commit": commit(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if on_gpu else processor(),
        "processes": get_world_size(),
        "seed": hub.get_info("seed"),
        "config": config,
        "checkpoint": checkpoint,
        "epoch": hub.get_info("epoch"),
        "trained_on": hub.get_info("trained_on"),
        "inputs": hub.get_info("inputs"),
        "parameters": hub.get_info("parameters"),
        "seconds_per_1000_predictions": hub.get_info("seconds_per_1000_predictions"),
    }


@METRICS.register_module()
class TorqueBenchmark(BaseMetric):
    """Score ``pred_torques`` against the data file's labels on the three levels of the benchmark.

    Every frame of the split's subset must be predicted once (see :func:`vidzoo.evaluation.score.score`), however many
    processes share the work. Logs ``mPJE_mean`` and ``mPJE_sum`` (N·m/kg; the former is what ``save_best`` should
    name), ``lower_limb_mean``, ``RMSE``, ``percent_BWht``, ``pearson_r``, ``R2``, and both baselines' mPJE_mean.

    Args:
        data_file: path of the data file.
        split: path of the split manifest; its training subset makes the baselines.
        subset: 'test' or 'val': which frames of the split are scored.
        torques: names of the torques that the model predicts, in the order of its columns; the runner says the model's.
            Another order than the benchmark's is put right by these names.
        out_dir: folder that gets ``predictions.npz`` and ``results.json``, made where it is missing; None: no files.
            Only with test frames: validation frames, by which a model is chosen, give no result.
        collect_device: how processes hand in their clips. 'gpu': through the process group, be it NCCL or gloo; 'cpu':
            through files in the working directory, which all of them must share.
        prefix: put before every logged name.

    Raises:
        ConfigError: ``subset`` and ``out_dir`` do not fit.
        DataError: the split is missing or broken or has no such subset, an output would be written over it or the data
            file, or the model's torques are not the benchmark's; on evaluation, the predictions are not exactly the
            subset's frames.
    """

    default_prefix = ""
    higher_is_better = False
    """Of ``mPJE_mean``."""
    unit = "N·m/kg"
    """Of ``mPJE_mean``."""

    def __init__(
        self,
        data_file: str | Path,
        split: str | Path,
        subset: Literal["val", "test"] = "test",
        torques: Sequence[str] = BENCHMARK_JOINTS,
        out_dir: str | Path | None = None,
        collect_device: str = "gpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.data = DataFile(data_file)
        if subset not in ("val", "test") or (subset == "val" and out_dir is not None):
            raise ConfigError(
                f"TorqueBenchmark: subset='{subset}' must be 'test', or 'val' without out_dir: figures of "
                f"validation frames are logged and not written."
            )
        self.split = Split.load(split) if subset == "test" else Split.load(split).validation()
        self.torques = tuple(torques)
        benchmark_columns(self.torques, "TorqueBenchmark: the model")
        self.out_dir = None if out_dir is None else Path(out_dir)
        if self.out_dir is not None:
            for name in ("predictions.npz", "results.json"):
                check_output(self.out_dir / name, data_file, split)
            check_folder(self.out_dir)
        self._device = torch.device("cpu")

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep each clip's predictions, one entry per clip, padding left out."""
        for sample in data_samples:
            torques = sample["pred_torques"]
            self._device = torques.device
            torques = torques.detach().float().cpu().numpy()
            frames = np.asarray(sample["frame_indices"], dtype=np.int64)
            if torques.shape != (len(frames), len(self.torques)):
                raise DataError(
                    f"{sample['subject']}/{sample['trial']}: 'pred_torques' has shape {torques.shape}, expected "
                    f"{(len(frames), len(self.torques))}: one row for each of 'frame_indices', one column for each "
                    f"torque."
                )
            real = frames >= 0
            names = (sample["subject"], sample["trial"], sample.get("camera") or "")
            self.results.append((names, frames[real], torques[real]))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Score all processes' clips at once, write the files and print; called on the main process alone."""
        predictions = self._gather(results)
        scored = score(predictions, self.data, self.split)
        hub = MessageHub.get_current_instance()
        if self.out_dir is not None:
            self.out_dir.mkdir(parents=True, exist_ok=True)
            write_predictions(self.out_dir / "predictions.npz", predictions)
            write_results(self.out_dir / "results.json", scored)
        # the three tables after a test, one line after a validation
        text = format_line(scored) if hub.get_info("loop_stage") == "val" else "\n" + format_report(scored)
        print_log(text, logger="current")
        logged = {name: scored["overall"][name] for name in _LOGGED}
        logged |= {f"baseline_{name}": rows["mPJE_mean"] for name, rows in scored["baselines"].items()}
        return {name: value for name, value in logged.items() if value is not None}

    def _gather(self, results: list) -> Predictions:
        # MMEngine's samplers fill up the last round with clips that another process has already seen
        clips = {(names, frames.tobytes()): (names, frames, torques) for names, frames, torques in results}
        parts = list(clips.values())
        sizes = [len(frames) for _, frames, _ in parts]
        task = MessageHub.get_current_instance().get_info("task")
        subject, trial, camera = (
            np.repeat(np.array([names[i] for names, _, _ in parts], dtype=str), sizes) for i in range(3)
        )
        return Predictions(
            subject=subject,
            trial=trial,
            camera=camera,
            frame=np.concatenate([np.empty(0, np.int64), *(frames for _, frames, _ in parts)]),
            torques=np.concatenate([np.empty((0, len(self.torques)), np.float32), *(t for _, _, t in parts)]),
            split_hash=self.split.hash,
            torque_names=self.torques,
            provenance=provenance(self._device) | {"split_frames_hash": self.split.frames_hash},
            task=None if task is None else TaskSpec.from_dict(task, "the model"),
        )
