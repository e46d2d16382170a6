"""Train and test: the runner, its hooks, safe checkpoints, several processes with or without GPUs."""

from vidzoo.engine.ablation import ablate
from vidzoo.engine.checkpoint import check_fit, find_checkpoint, read_checkpoint
from vidzoo.engine.config import load_config
from vidzoo.engine.contract import check_checkpoint
from vidzoo.engine.cpu_amp import CPUAmpOptimWrapper
from vidzoo.engine.cpu_ddp import CPUDistributedDataParallel
from vidzoo.engine.even_batch_sampler import EvenBatchSampler
from vidzoo.engine.hooks import AtomicCheckpointHook, EpochSeedHook, FitStatisticsHook
from vidzoo.engine.run import build_runner, test, train
from vidzoo.engine.runner import VIDRunner

__all__ = [
    "AtomicCheckpointHook",
    "CPUAmpOptimWrapper",
    "CPUDistributedDataParallel",
    "EpochSeedHook",
    "EvenBatchSampler",
    "FitStatisticsHook",
    "VIDRunner",
    "ablate",
    "build_runner",
    "check_checkpoint",
    "check_fit",
    "find_checkpoint",
    "load_config",
    "read_checkpoint",
    "test",
    "train",
]
