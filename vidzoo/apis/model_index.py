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
from vidzoo.errors import CheckpointError, ConfigError, UnknownNameError, VidZooError
from vidzoo.io.provenance import file_sha256
from vidzoo.registry import MODELS


def list_models(pattern: str | None = None) -> list[str]:
    """Return the sorted names of all models, or of those that match ``pattern``, such as 'vidnet_*'."""
    return [name for name in sorted(_models()) if pattern is None or fnmatchcase(name, pattern)]


def get_model(name: str, pretrained: bool = False) -> BaseModel:
    """Build the estimator of a recipe, in training mode.

    Args:
        name: one of :func:`list_models`.
        pretrained: load the recipe's trained weights; otherwise they are random, and the recipe's own start (such as
            ImageNet's weights) is a training's business.

    Raises:
        UnknownNameError: there is no such model; the message lists the nearest names.
        CheckpointError: it has no trained weights, they are not on this machine, are not those of the index, do not fit
            or were trained for another task.
        ConfigError: its config cannot be built.
    """
    if name not in _models():
        near = difflib.get_close_matches(name, _models(), n=3, cutoff=0.4)
        raise UnknownNameError(f"'{name}' is no model of vidzoo; did you mean {', '.join(near or list_models())}?")
    entry = _models()[name]
    weights = _weights_of(entry) if pretrained else None
    model = MODELS.build(load_config(recipes() / entry["Config"]).model)
    if weights is not None:
        checkpoint = read_checkpoint(weights)
        state = {key.removeprefix("module."): value for key, value in checkpoint["state_dict"].items()}
        check_fit(model, state, weights)
        model.rate_hz = check_checkpoint(model, checkpoint, weights).rate_hz
        model.load_state_dict(state, strict=False)  # it may lack batch norm's counters
    return model


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
def _models() -> dict[str, dict[str, Any]]:
    """Return the index's entries by name."""
    path = recipes() / "model-index.yml"
    try:
        return {entry["Name"]: entry for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["Models"]}
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: is no model index: {' '.join(str(error).split())}.") from error


def _weights_of(entry: dict[str, Any]) -> Path:
    """Return the path of a model's weights after a check of their SHA-256.

    ``Weights`` is a path, beside the index or absolute, or a URL whose file lies in torch.hub's cache.
    """
    name, source = entry["Name"], entry.get("Weights")
    if not source:
        trained = [other for other, its in sorted(_models().items()) if its.get("Weights")]
        raise CheckpointError(
            f"'{name}' has no published weights; train it by {entry['Config']}, or choose a model that has: "
            f"{', '.join(trained) or 'none has yet'}."
        )
    url = urlparse(str(source))
    if url.scheme in ("http", "https"):
        path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url.path).name
        hint = f"download {source} to this place"
    else:
        path = recipes() / Path(source).expanduser()
        hint = "put the file of the release there"
    if not path.is_file():
        raise CheckpointError(f"{path}: the weights of '{name}' are not there; {hint}.")
    found, expected = file_sha256(path), str(entry.get("SHA256"))
    if found != expected:
        raise CheckpointError(
            f"{path}: is not the file of '{name}' (SHA-256 {found[:12]}..., expected {expected[:12]}...); take another "
            f"copy."
        )
    return path
