"""Several processes without GPUs: what MMEngine's launchers and wrappers take for granted is a CUDA device each."""

from __future__ import annotations

import datetime
import os
import subprocess
from typing import Any

import torch
from mmengine.model import MMDistributedDataParallel
from torch import distributed, nn

from vidzoo.errors import ConfigError
from vidzoo.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class CPUDistributedDataParallel(MMDistributedDataParallel):
    """Average gradients over processes that have no GPU.

    Args:
        module: the model.
        device_ids: what MMEngine's runner passes to every wrapper; a model on the CPU must not have any.
        **kwargs: as ``torch.nn.parallel.DistributedDataParallel``'s.
    """

    def __init__(self, module: nn.Module, device_ids: object = None, **kwargs: Any) -> None:
        super().__init__(module=module, device_ids=None, **kwargs)


def use_slurm_environment() -> None:
    """Set the variables of ``torchrun`` from those of ``srun``.

    The port follows from the job's number, so that two jobs on one node do not meet.

    Raises:
        ConfigError: this process was not started by ``srun``.
    """
    environ = os.environ
    try:
        environ["RANK"], environ["WORLD_SIZE"] = environ["SLURM_PROCID"], environ["SLURM_NTASKS"]
        environ["LOCAL_RANK"] = environ["SLURM_LOCALID"]
        nodes = environ["SLURM_NODELIST"]
    except KeyError as error:
        raise ConfigError(
            f"--launcher slurm: {error} is not set, so srun has not started this process; see tools/slurm_train.sh."
        ) from None
    if "MASTER_ADDR" not in environ:
        hosts = subprocess.run(["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=True)
        environ["MASTER_ADDR"] = hosts.stdout.split()[0]
    environ.setdefault("MASTER_PORT", str(20000 + int(environ.get("SLURM_JOB_ID", "0")) % 20000))


def environment_number(name: str, default: int) -> int:
    """Return the whole number of an environment variable that a launcher sets, such as WORLD_SIZE.

    Raises:
        ConfigError: it is no whole number, 0 or more.
    """
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise ConfigError(f"the environment variable {name} is '{text}', expected a whole number; unset it.")
    return int(text)


def init_processes(launcher: str, backend: str | None = None, timeout: float | None = None) -> None:
    """Join the other processes.

    Args:
        launcher: ``pytorch`` (torchrun) or ``slurm``.
        backend: None chooses NCCL where there are GPUs and Gloo where there are none.
        timeout: s, how long one process waits for another; PyTorch's own default where None.

    Raises:
        ConfigError: this process was not started by that launcher, or there are more processes than GPUs.
    """
    if launcher == "slurm":
        use_slurm_environment()
    if not {"RANK", "WORLD_SIZE", "LOCAL_RANK"} <= os.environ.keys():
        raise ConfigError("--launcher pytorch: torchrun has not started this process; use --gpus N.")
    rank, processes, local_rank = (environment_number(name, 0) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    if rank >= processes:
        raise ConfigError(f"the environment variable RANK is {rank}, expected less than WORLD_SIZE, {processes}.")
    gpus = torch.cuda.device_count()
    if gpus and local_rank >= gpus:
        raise ConfigError(f"process {local_rank + 1} of this machine has no GPU: there are {gpus}; start {gpus}.")
    if gpus:
        torch.cuda.set_device(local_rank)
    distributed.init_process_group(
        backend or ("nccl" if gpus else "gloo"),
        timeout=None if timeout is None else datetime.timedelta(seconds=timeout),
    )
