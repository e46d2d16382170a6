"""Checkpoints: read without running what is in them, compare with the model that they are for."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import PretrainedInit
from mmengine.runner import load_state_dict
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from vidzoo.engine.weights import read_weights
from vidzoo.errors import CheckpointError
from vidzoo.io.number_pickle import STAND_INS, PickledArray
from vidzoo.registry import WEIGHT_INITIALIZERS

RESUME_KEYS: tuple[str, ...] = ("meta", "state_dict", "message_hub", "optimizer")
"""What a checkpoint must hold for a training to go on from it."""


def _history_buffer_method(owner: object, name: str) -> Any:
    """Stand in for the ``getattr`` in a checkpoint: MMEngine pickles each log's statistics as methods of its class.

    The real one would open every attribute of every allowed object, the globals of its module included.
    """
    if owner is HistoryBuffer and name in ("min", "max", "mean", "current"):
        return getattr(owner, name)
    raise pickle.UnpicklingError(f"it asks for getattr({owner!r}, {name!r}), which is no statistic of a log")


def _with_arrays(value: Any, done: dict[int, tuple[Any, Any]]) -> Any:
    """Return ``value`` with an array in the place of each stand-in; ``done`` has seen values and results by ``id``."""
    if isinstance(value, PickledArray):
        return value.value
    if id(value) in done:
        return done[id(value)][1]
    done[id(value)] = value, value
    if isinstance(value, dict):
        for key, item in value.items():
            value[key] = _with_arrays(item, done)
    elif isinstance(value, list):
        value[:] = [_with_arrays(item, done) for item in value]
    elif isinstance(value, tuple):
        items = tuple(_with_arrays(item, done) for item in value)
        if any(new is not old for new, old in zip(items, value)):
            done[id(value)] = value, items
    elif isinstance(value, HistoryBuffer):
        _with_arrays(vars(value), done)
    return done[id(value)][1]


def _allowed_globals() -> list[Any]:
    """List what MMEngine's runner puts into a checkpoint beyond plain tensors, and what stands in for it here."""
    stand_ins = [(function, name) for name, function in STAND_INS.items()]
    return [HistoryBuffer, *stand_ins, (_history_buffer_method, "builtins.getattr")]


def _read_torch(path: Path, map_location: Any) -> Any:
    with torch.serialization.safe_globals(_allowed_globals()):
        return _with_arrays(torch.load(path, map_location=map_location, weights_only=True), {})


def read_checkpoint(path: str | Path, map_location: Any = "cpu") -> dict[str, Any]:
    """Read a local checkpoint, ``.pth`` or ``.safetensors``, without running any code in it.

    Args:
        path: the file.
        map_location: as ``torch.load``'s.

    Returns:
        A dict with at least ``state_dict``; of published weights also ``meta`` and ``golden``, see ``weights.py``.

    Raises:
        CheckpointError: it is on another machine, missing, damaged, no checkpoint, or holds anything that could run.
    """
    if re.match(r"[\w-]+:(\S+:)?//", str(path)):
        raise CheckpointError(f"{path}: checkpoints are read from this machine only; download it and name the file.")
    path = Path(path).expanduser()
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint.")
    try:
        content = read_weights(path) if path.suffix == ".safetensors" else _read_torch(path, map_location)
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        forbidden = re.search(r"(?:GLOBAL|it asks for) ([^\n]+?)(?:, which| was not| whose module|\.?$|\n)", str(error))
        if forbidden:
            raise CheckpointError(
                f"{path}: refused, because it holds '{forbidden[1]}', which could run code and which no checkpoint of "
                "vidzoo holds; ask its author for a .safetensors file."
            ) from error
        raise CheckpointError(f"{path}: is no checkpoint, or a damaged one; take another copy.") from error
    except Exception as error:  # a damaged archive fails in as many ways as there are bytes
        raise CheckpointError(
            f"{path}: is damaged or cut short ({type(error).__name__}); take another copy."
        ) from error
    if isinstance(content, Mapping) and "state_dict" not in content and _is_state_dict(content):
        content = {"state_dict": dict(content)}
    if not (isinstance(content, dict) and _is_state_dict(content.get("state_dict"))):
        raise CheckpointError(f"{path}: holds no weights; a checkpoint of 'vidzoo train' was expected.")
    if isinstance(content.get("meta"), dict):
        content["meta"].pop("config", None)  # an old key that MMEngine runs as Python when it resumes
    return content


def _is_state_dict(content: object) -> bool:
    return (
        isinstance(content, Mapping)
        and len(content) > 0
        and all(isinstance(name, str) for name in content)
        and any(isinstance(value, torch.Tensor) for value in content.values())
    )


@WEIGHT_INITIALIZERS.register_module(name="Pretrained")
class GuardedPretrainedInit(PretrainedInit):
    """Answer ``init_cfg=dict(type='Pretrained', ...)`` in vidzoo's configs; arguments are those of MMEngine's."""

    def __call__(self, module: nn.Module) -> None:
        """Give a module the weights of a checkpoint that it has, or those under ``prefix``.

        Raises:
            CheckpointError: the checkpoint cannot be read, or it holds nothing under ``prefix``.
        """
        state_dict = read_checkpoint(self.checkpoint, self.map_location)["state_dict"]
        consume_prefix_in_state_dict_if_present(state_dict, "module.")
        if self.prefix is not None:
            start = f"{self.prefix.rstrip('.')}."
            state_dict = {n.removeprefix(start): value for n, value in state_dict.items() if n.startswith(start)}
            if not state_dict:
                raise CheckpointError(f"{self.checkpoint}: holds no weights under the prefix '{self.prefix}'.")
        load_state_dict(module, state_dict, strict=False, logger="current")


def check_fit(
    model: nn.Module,
    state_dict: Mapping[str, Any],
    path: str | Path,
    mend: str = "use the config that it was trained with",
) -> None:
    """Compare a checkpoint's weights with a model's.

    Raises:
        CheckpointError: a name or a shape differs; the sentence gives the counts and the first names, and ``mend``.
    """
    found = {re.sub(r"^module\.", "", name): value for name, value in state_dict.items()}
    expected = model.state_dict()
    missing = [n for n in expected if n not in found and not n.endswith("num_batches_tracked")]
    unknown = [n for n in found if n not in expected]
    reshaped = [
        f"{n} {tuple(found[n].shape)} instead of {tuple(value.shape)}"
        for n, value in expected.items()
        if isinstance(value, torch.Tensor)
        and isinstance(found.get(n), torch.Tensor)
        and tuple(found[n].shape) != tuple(value.shape)
    ]
    no_tensors = [
        n
        for n, value in expected.items()
        if n in found and isinstance(value, torch.Tensor) and not isinstance(found[n], torch.Tensor)
    ]
    wrong = [
        f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for names, what in (
            (missing, "missing"),
            (unknown, "unknown"),
            (reshaped, "of another shape"),
            (no_tensors, "no tensors"),
        )
        if names
    ]
    if wrong:
        raise CheckpointError(
            f"{path}: is a checkpoint of another model: of {len(expected)} weights and buffers {'; '.join(wrong)}; "
            f"{mend}."
        )


def find_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the newest checkpoint that a training left in ``work_dir``; None before its first one.

    That is the one that ``last_checkpoint`` names. Where that file is missing (a training killed between its first
    checkpoint and it; a folder copied in part) it is the checkpoint of the latest epoch: each file is whole.

    Raises:
        CheckpointError: the file that ``last_checkpoint`` names is gone.
    """
    pointer = Path(work_dir) / "last_checkpoint"
    if not pointer.is_file():
        epochs = {path: re.fullmatch(r"epoch_(\d+)\.pth", path.name) for path in Path(work_dir).glob("epoch_*.pth")}
        return max((path for path, match in epochs.items() if match), key=lambda p: int(p.stem[6:]), default=None)
    named = Path(pointer.read_text(encoding="utf-8", errors="replace").strip())
    found = _in_folder(named, pointer.parent)
    if found is None:
        raise CheckpointError(
            f"{pointer}: names '{named}', which is not there; name the checkpoint to go on from: --resume FILE."
        )
    return found


def find_best_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the checkpoint that was best in validation; None where the training in ``work_dir`` did not validate.

    Raises:
        CheckpointError: the last checkpoint cannot be read, or the best one that it names is gone.
    """
    last = find_checkpoint(work_dir)
    hub = {} if last is None else read_checkpoint(last).get("message_hub")
    info = hub.get("runtime_info") if isinstance(hub, dict) else None
    named = info.get("best_ckpt") if isinstance(info, dict) else None
    if not isinstance(named, str):
        return None
    found = _in_folder(Path(named), Path(work_dir))
    if found is None:
        raise CheckpointError(f"{last}: names '{named}' as the best one, which is not there; name the one to test.")
    return found


def _in_folder(named: Path, folder: Path) -> Path | None:
    """Return the file at its path, or of its name in ``folder``, which may have been moved since."""
    return next((path for path in (named, folder / named.name) if named.name and path.is_file()), None)
