"""Models by name, from ``model-index.yml``: each is a recipe under ``configs/``, some have trained weights."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
import yaml
from mmengine.model import BaseModel

import vidzoo
from vidzoo.engine import check_checkpoint, check_fit, load_config, read_checkpoint
from vidzoo.engine.weights import add_left_out, check_golden
from vidzoo.errors import CheckpointError, ConfigError, UnknownNameError, VidZooError
from vidzoo.io.provenance import file_sha256
from vidzoo.registry import MODELS


def list_models(pattern: str | None = None, pretrained: bool = False) -> list[str]:
    """Return the sorted names of all models.

    Args:
        pattern: those that match it, such as 'vidnet_*'.
        pretrained: those that have trained weights.
    """
    return [
        name
        for name, entry in sorted(models().items())
        if (pattern is None or fnmatchcase(name, pattern)) and (not pretrained or entry.get("Weights"))
    ]


def get_model(name: str, pretrained: bool = False) -> BaseModel:
    """Build the estimator of a recipe: with random weights in training mode, or trained and in evaluation mode.

    Args:
        name: one of :func:`list_models`.
        pretrained: load the recipe's trained weights; otherwise they are random, and the recipe's own start (such as
            ImageNet's weights) is a training's business.

    Raises:
        UnknownNameError: there is no such model; the message lists the nearest names.
        CheckpointError: it has no trained weights, they are not on this machine, are not those of the index, do not fit
            or were trained for another task, or their golden sample does not come out.
        ConfigError: its config cannot be built.
    """
    entry = entry_of(name)
    weights = find_weights(name) if pretrained else None
    model = build_model(recipes() / entry["Config"])
    if weights is not None:
        checkpoint = load_into(model, weights)
        if "golden" not in checkpoint:
            raise CheckpointError(f"{weights}: holds no golden sample; 'vidzoo publish' writes weights that have one.")
        check_golden(model.eval(), checkpoint["golden"], weights)
    return model


def build_model(config: str | Path) -> BaseModel:
    """Build the model of a config, with random weights and in training mode.

    Raises:
        ConfigError: the config cannot be read or built.
    """
    return MODELS.build(load_config(config).model)


def load_into(model: BaseModel, path: Path) -> dict[str, Any]:
    """Give a model the weights of a file, and return the file's content.

    Raises:
        CheckpointError: the file cannot be read, or is of another model or task.
    """
    checkpoint = read_checkpoint(path)
    add_left_out(model, checkpoint)
    state = {key.removeprefix("module."): value for key, value in checkpoint["state_dict"].items()}
    check_fit(model, state, path)
    model.rate_hz = check_checkpoint(model, checkpoint, path).rate_hz
    model.load_state_dict(state, strict=False)  # it may lack batch norm's counters
    return checkpoint


def find_config(name: str | Path) -> Path:
    """Return the path of a config: ``name`` itself where it is a path, else the recipe of that name.

    A recipe's name is its path under ``configs/`` without ``.py``, as in 'vidnet_r101' and 'ablations/vidnet_r101_t9'.

    Raises:
        UnknownNameError: there is no such recipe; the message lists the nearest names.
    """
    path = Path(name)
    if path.suffix == ".py" or path.is_file():
        return path
    folder = recipes() / "configs"
    known = {
        found.relative_to(folder).with_suffix("").as_posix(): found
        for pattern in ("*.py", "ablations/*.py")
        for found in folder.glob(pattern)
    }
    if str(name) not in known:
        near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
        raise UnknownNameError(
            f"{name}: no such file, and no recipe of this name; did you mean {', '.join(near or sorted(known))}?"
        )
    return known[str(name)]


def recipes() -> Path:
    """Return the folder that holds ``model-index.yml`` and ``configs/``: in an installed package or in the checkout.

    Raises:
        VidZooError: neither has them.
    """
    package = Path(vidzoo.__file__).parent
    for folder in (package / "_recipes", package.parent):
        if (folder / "model-index.yml").is_file():
            return folder
    raise VidZooError(f"{package}: was installed without its recipes; install vidzoo again with pip.")


@cache
def models() -> dict[str, dict[str, Any]]:
    """Return the index's entries by name; read once."""
    path = recipes() / "model-index.yml"
    try:
        return {entry["Name"]: entry for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["Models"]}
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: is no model index: {' '.join(str(error).split())}.") from error


def entry_of(name: str) -> dict[str, Any]:
    """Return what the index says of a model.

    Raises:
        UnknownNameError: there is no such model; the message lists the nearest names.
    """
    if name not in models():
        near = difflib.get_close_matches(name, models(), n=3, cutoff=0.4)
        raise UnknownNameError(f"'{name}' is no model of vidzoo; did you mean {', '.join(near or list_models())}?")
    return models()[name]


def find_weights(name: str) -> Path:
    """Return the path of a model's trained weights after a check of their SHA-256.

    The index names a path, beside it or absolute, or a URL whose file lies in torch.hub's cache.

    Raises:
        UnknownNameError: there is no such model.
        CheckpointError: it has no trained weights, or they are not on this machine or not those of the index.
    """
    entry = entry_of(name)
    source = entry.get("Weights")
    if not source:
        raise CheckpointError(
            f"'{name}' has no published weights; train it by {entry['Config']}, or choose a model that has: "
            f"{', '.join(list_models(pretrained=True)) or 'none has yet'}."
        )
    path, is_url = _place_of(str(source))
    if not path.is_file():
        hint = f"download {source} to this place" if is_url else "take it from a checkout, or install vidzoo again"
        raise CheckpointError(f"{path}: the weights of '{name}' are not there; {hint}.")
    found, expected = file_sha256(path), str(entry.get("SHA256"))
    if found != expected:
        raise CheckpointError(
            f"{path}: is not the file of '{name}' (SHA-256 {found[:12]}..., expected {expected[:12]}...); take another "
            f"copy."
        )
    return path


def weights_size(name: str) -> int | None:
    """Return the bytes of a model's weights; None where it has none on this machine."""
    source = entry_of(name).get("Weights")
    path = None if source is None else _place_of(str(source))[0]
    return path.stat().st_size if path is not None and path.is_file() else None


def _place_of(source: str) -> tuple[Path, bool]:
    """Return where the weights ``source`` lie on this machine, and whether it is a URL."""
    url = urlparse(source)
    if url.scheme in ("http", "https"):
        return Path(torch.hub.get_dir()) / "checkpoints" / Path(url.path).name, True
    return recipes() / Path(source).expanduser(), False
