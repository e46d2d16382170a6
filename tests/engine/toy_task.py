"""A task of a second: a small estimator and data set in the shape of the real ones, found through custom_imports."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import distributed, nn
from torch.utils.data import Dataset

from vidzoo.errors import DataError
from vidzoo.registry import DATASETS, HOOKS, METRICS, MODELS
from vidzoo.task import TaskSpec

CLIPS = 13  # odd, so that two processes cannot share it evenly
CONFIG = """
_base_ = ["{configs}/_base_/schedules/{schedule}.py", "{configs}/_base_/runtime/default.py"]
custom_imports = dict(imports=["toy_task"])
train_cfg = dict(max_epochs={epochs})
model = dict(type="ToyEstimator")
train_dataloader = dict(
    batch_size=4, num_workers={workers}, persistent_workers={persistent}, collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=True), batch_sampler=dict(type="EvenBatchSampler"),
    dataset=dict(type="ToyDataset"),
)
test_dataloader = dict(
    batch_size=4, num_workers=0, collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False), dataset=dict(type="ToyDataset", subset="test"),
)
test_cfg = dict()
test_evaluator = dict(type="ToyMetric")
default_hooks = dict(logger=dict(interval=1))
"""


def write_config(
    folder: Path,
    *,
    epochs: int = 3,
    workers: int = 0,
    schedule: str = "adam_500e",
    extra: str = "",
    name: str = "toy.py",
) -> Path:
    """Write a config of the toy task, on the bases that the real recipes stand on, and a leaf that holds ``extra``."""
    configs = Path(__file__).resolve().parents[2] / "configs"
    base = CONFIG.format(configs=configs, schedule=schedule, epochs=epochs, workers=workers, persistent=workers > 0)
    (folder / f"base_{name}").write_text(base)
    path = folder / name
    path.write_text(f'_base_ = "base_{name}"\n{extra}\n')
    return path


@DATASETS.register_module()
class ToyDataset(Dataset):
    """Noisy samples of a line: the noise is drawn from (seed, epoch, index)."""

    task = TaskSpec(requires=("markers",), rate_hz=100.0)

    def __init__(self, subset: str = "train", broken: int | None = None, split_hash: str = "a split") -> None:
        self.subset = subset
        self.metainfo = {"split_hash": split_hash, "subset": subset}
        self.broken = broken
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # seen by workers that outlive an epoch

    def set_epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)

    def target_statistics(self) -> dict[str, np.ndarray]:
        return {"mean": np.full(2, 3.0, np.float32)}

    def __len__(self) -> int:
        return CLIPS

    def __getitem__(self, index: int) -> dict:
        if index == self.broken:
            raise DataError(f"clip {index} is broken.")
        rng = np.random.default_rng([0, int(self._epoch), index])
        markers = np.full((3, 8, 8), index / CLIPS, np.float32) + rng.normal(0, 0.1, (3, 8, 8)).astype(np.float32)
        return {"inputs": {"markers": markers}, "targets": np.array([index, -index], np.float32), "index": index}


@MODELS.register_module()
class ToyEstimator(BaseModel):
    """A convolution with batch norm, dropout and a Transformer layer: what repeats only if every generator does."""

    task = TaskSpec(requires=("markers",))

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(0.3))
        self.encoder = nn.TransformerEncoderLayer(width, 2, 16, dropout=0.1, batch_first=True)
        self.head = nn.Linear(width, 2)
        self.register_buffer("target_mean", torch.zeros(2))

    def set_statistics(self, statistics: dict) -> None:
        self.target_mean.copy_(torch.as_tensor(statistics["mean"]))

    def forward(self, inputs, targets=None, index=None, mode="tensor"):
        tokens = self.stem(inputs["markers"]).flatten(2).transpose(1, 2)
        out = self.head(self.encoder(tokens).mean(1)) + self.target_mean
        if mode == "loss":
            return {"loss": (out - targets).square().mean()}
        if mode == "predict":
            return [{"index": int(i), "prediction": p} for i, p in zip(index, out)]
        return out


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Count what was predicted, and how often."""

    default_prefix = ""

    def __init__(self, out_dir: str | None = None) -> None:
        super().__init__(collect_device="cpu")
        self.out_dir = out_dir

    def process(self, data_batch, data_samples) -> None:
        self.results.extend((sample["index"], sample["prediction"].tolist()) for sample in data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        if self.out_dir:
            Path(self.out_dir).mkdir(parents=True, exist_ok=True)
            (Path(self.out_dir) / "toy.json").write_text(json.dumps(results))
        values = np.array([prediction for _, prediction in results])
        return {
            "count": float(len(results)),
            "distinct": float(len({index for index, _ in results})),
            "mean": float(values.mean()),
        }


@HOOKS.register_module()
class WriteDownHook(Hook):
    """Write down which clips each process has seen, and in the end by what it spoke to others and its weights."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        with (Path(runner.work_dir) / f"seen_{runner.rank}.txt").open("a") as file:
            for index in data_batch["index"].tolist():
                file.write(f"{runner.epoch} {index}\n")

    def after_train(self, runner) -> None:
        (Path(runner.work_dir) / f"backend_{runner.rank}.txt").write_text(distributed.get_backend())
        model = getattr(runner.model, "module", runner.model)
        torch.save(model.state_dict(), Path(runner.work_dir) / f"weights_{runner.rank}.pt")


@HOOKS.register_module()
class FailOnRankHook(Hook):
    """Meet a user's mistake in the middle of a training, on some processes."""

    def __init__(self, ranks: tuple[int, ...]) -> None:
        self.ranks = ranks

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.rank in self.ranks:
            raise DataError(f"clip of rank {runner.rank} is broken.")
