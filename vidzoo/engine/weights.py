"""Published weights: one safetensors file that holds all that a prediction needs, and nothing that could run.

Its tensors are the model's state dict, by their names, and a golden sample under the prefix ``golden.``: a small input
and the torques that the model makes of it, so that whoever loads the weights can tell that they do here what they did
where they were published. Its header holds JSON: format, version, the model's name and licence, its
:class:`vidzoo.task.TaskSpec`, the model's part of the config, and what it was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vidzoo.errors import CheckpointError
from vidzoo.io.atomic import atomic_path

FORMAT = "vidzoo-weights"
VERSION = 1
GOLDEN = "golden."
MAX_PICTURES = 2
"""Different pictures of a golden sample; its other frames show them again."""
TOLERANCE = 1e-3
"""N·m/kg: the third digit of the figures. Processors and versions of torch differ by about a hundredth of it."""

Precision = Literal["float16", "float32"]


class GoldenSample(NamedTuple):
    """What weights must give: B = 1 clip of K predictions."""

    inputs: dict[str, Tensor]
    """As a data set gives them, stacked; see :class:`vidzoo.structures.Inputs`."""
    mass: Tensor
    """[B] kg."""
    torques: Tensor
    """[B, K, Q] N·m."""


def golden_sample(model: Any, inputs: Mapping[str, Tensor], mass: float) -> GoldenSample:
    """Return a golden sample of ``model``.

    Args:
        model: a torque estimator in evaluation mode.
        inputs: of one clip, without the dimension of clips. Of its pictures ``MAX_PICTURES`` are kept.
        mass: kg.
    """
    batch = {name: value[None].float() if value.is_floating_point() else value[None] for name, value in inputs.items()}
    if "frames" in batch:
        length = batch["frames"].shape[1]
        which = torch.arange(length) * MAX_PICTURES // length
        batch["frames"] = batch["frames"][:, which * (length - 1) // max(MAX_PICTURES - 1, 1)]
        batch["frame_is_new"] = torch.cat([torch.ones(1, dtype=torch.bool), which[1:] != which[:-1]])[None]
    kilograms = torch.tensor([mass], dtype=torch.float32)
    return GoldenSample(batch, kilograms, model.estimate(batch, kilograms).cpu())


def check_golden(model: Any, golden: GoldenSample, path: str | Path) -> None:
    """Check that a model in evaluation mode makes of a golden sample's input what it made when it was published.

    Raises:
        CheckpointError: a torque differs by more than ``TOLERANCE``.
    """
    found = model.estimate(golden.inputs, golden.mass).cpu()
    if found.shape != golden.torques.shape:
        raise CheckpointError(
            f"{path}: its golden sample has torques {list(golden.torques.shape)}, this model gives "
            f"{list(found.shape)}; take another copy of the weights."
        )
    per_kg = (found - golden.torques).abs().nan_to_num(nan=torch.inf) / golden.mass.reshape(-1, 1, 1)
    if per_kg.max() > TOLERANCE:
        clip, frame, torque = torch.unravel_index(per_kg.argmax(), per_kg.shape)
        raise CheckpointError(
            f"{path}: its golden sample does not come out: {model.task.torques[torque]} is "
            f"{found[clip, frame, torque]:.3f} N·m, expected {golden.torques[clip, frame, torque]:.3f}; this model "
            f"computes something else than the one that the weights were published for, so take the version of vidzoo "
            f"that they came with."
        )


def write_weights(
    path: str | Path,
    model: nn.Module,
    golden: GoldenSample,
    meta: Mapping[str, Any],
    precision: Precision = "float32",
    left_out: Collection[str] = (),
) -> None:
    """Write weights, complete or not at all.

    Args:
        path: of the file, ``NAME.safetensors``.
        model: whose state dict is written.
        golden: its golden sample.
        meta: goes into the header as JSON, beside format, version and precision.
        precision: of the parameters; buffers, such as statistics, stay as they are.
        left_out: names of weights and buffers that a new model of this config has already.

    Raises:
        DataError: the file cannot be written.
    """
    parameters = {name for name, _ in model.named_parameters()}
    tensors = {
        name: value.to("cpu", getattr(torch, precision) if name in parameters else value.dtype, copy=True).contiguous()
        for name, value in model.state_dict().items()
        if name not in left_out
    }
    tensors |= {GOLDEN + name: value.contiguous() for name, value in _pack(golden).items()}
    header = {**meta, "format": FORMAT, "version": VERSION, "precision": precision, "left_out": sorted(left_out)}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {"vidzoo": json.dumps(header, ensure_ascii=False)})


def read_weights(path: str | Path) -> dict[str, Any]:
    """Read a safetensors file.

    Returns:
        ``state_dict``; of published weights also ``meta``, what :func:`write_weights` was given and wrote, and
        ``golden``.

    Raises:
        CheckpointError: its header is of another format or version, or its golden sample is incomplete.
    """
    with safe_open(path, "pt") as file:
        header = (file.metadata() or {}).get("vidzoo")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if header is None:
        return {"state_dict": tensors}
    meta = json.loads(header)
    found = (meta.get("format"), meta.get("version")) if isinstance(meta, dict) else None
    if found != (FORMAT, VERSION):
        raise CheckpointError(f"{path}: format {found}, expected {(FORMAT, VERSION)}; install the vidzoo it is from.")
    golden = {name.removeprefix(GOLDEN): value for name, value in tensors.items() if name.startswith(GOLDEN)}
    state = {name: value for name, value in tensors.items() if not name.startswith(GOLDEN)}
    try:
        return {"state_dict": state, "meta": meta, "golden": _unpack(golden)}
    except (KeyError, IndexError) as error:
        raise CheckpointError(f"{path}: its golden sample lacks {error}; take another copy.") from None


def add_left_out(model: nn.Module, checkpoint: dict[str, Any]) -> None:
    """Complete a checkpoint's ``state_dict`` by what its writer left out because the model has it already."""
    meta = checkpoint.get("meta")
    names = meta.get("left_out") if isinstance(meta, dict) else None
    own = model.state_dict() if names else {}
    checkpoint["state_dict"].update({name: own[name] for name in names or () if name in own})


def _pack(golden: GoldenSample) -> dict[str, Tensor]:
    """Return the sample as tensors, each picture once."""
    inputs = dict(golden.inputs)
    packed = {"mass": golden.mass, "torques": golden.torques}
    if "frames" in inputs:
        shown = inputs["frame_is_new"][0].cumsum(0) - 1
        packed["pictures"], packed["shown"] = inputs.pop("frames")[:, inputs["frame_is_new"][0]], shown
    return packed | {f"inputs.{name}": value for name, value in inputs.items()}


def _unpack(packed: dict[str, Tensor]) -> GoldenSample:
    inputs = {name.removeprefix("inputs."): value for name, value in packed.items() if name.startswith("inputs.")}
    if "pictures" in packed:
        inputs["frames"] = packed["pictures"][:, packed["shown"]]
    return GoldenSample(inputs, packed["mass"], packed["torques"])
