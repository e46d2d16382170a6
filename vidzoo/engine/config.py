"""Read a config, override some of its keys, and answer its mistakes in one sentence."""

from __future__ import annotations

import difflib
import inspect
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mmengine
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings

from vidzoo.engine.validation import use_val_subset
from vidzoo.errors import ConfigError, VidZooError

_FURTHER_KEYS = (
    "activation_checkpointing",
    "compile",
    "custom_imports",
    "efficient_conv_bn_eval",
    "find_unused_parameters",
    "model_wrapper_cfg",
    "stage1",
    "sync_bn",
)
"""Top-level keys that MMEngine and the runner below read beside MMEngine's runner's arguments."""

_OPTIONS = {"data_file": "--data", "split": "--split", "features": "--features"}
_FILES = tuple(_OPTIONS)
"""Top-level keys that :func:`load_config` hands on to data sets and metrics, and the commands' options for them."""
_NEEDED = ("data_file", "split")
"""Those without which there is nothing to read."""


@contextmanager
def config_mistakes(path: str | Path) -> Iterator[None]:
    """Turn MMEngine's refusals of a config into one sentence; an error of a component itself stays as it is."""
    try:
        yield
    except VidZooError:
        raise
    except (AssertionError, AttributeError, ImportError, KeyError, OSError, TypeError, ValueError) as error:
        # A wrong name, a wrong argument, a missing section: raised by the builder, before any component's own code.
        raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        refusers = (mmengine, torch.optim, torch.utils.data)
        if not any(Path(package.__path__[0]) in raised_in.parents for package in refusers):
            raise
        message = str(error.args[0]) if error.args else type(error).__name__
        raise ConfigError(f"{path}: {' '.join(message.split())}") from error


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the dicts in a part of a config, from the outside to the inside."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _dicts(item)


def _hand_on_files(config: Config, path: Path, asked: Iterable[str]) -> None:
    """Give the files of ``_FILES`` to data sets and metrics where theirs is None, or to all if ``asked`` for.

    Data sets that are trained on together keep those that they name.
    """
    together = [id(part) for found in _dicts(config.get("train_dataloader")) for part in found.get("datasets") or ()]
    for holder in _file_holders(config):
        for name in _FILES:
            asked_for = name in asked and id(holder) not in together
            if name in holder and (asked_for or (holder[name] is None and name in config)):
                holder[name] = config[name]
        lacking = [name for name in _NEEDED if name in holder and holder[name] is None]
        if lacking and holder.keys() >= set(_NEEDED):
            raise ConfigError(
                f"{path}: {holder.get('type')} has no {' and no '.join(lacking)}; write {lacking[0]} = '...' at the "
                f"config's top, or give {_OPTIONS[lacking[0]]} FILE."
            )


def _file_holders(config: Config) -> list[dict[str, Any]]:
    parts = []
    for subset in ("train", "val", "test"):
        loader = config.get(f"{subset}_dataloader")
        parts += [loader.get("dataset") if isinstance(loader, dict) else None, config.get(f"{subset}_evaluator")]
    return [found for found in _dicts(parts) if set(_FILES) & found.keys()]


def load_config(path: str | Path, options: dict[str, Any] | None = None) -> Config:
    """Read a config and override some of its keys.

    ``data_file`` and ``split`` at the config's top, or in ``options``, are those of every data set and metric that has
    such a key: the top's where the key is None, those in ``options`` everywhere but in the ``datasets`` of a
    ``ConcatVIDDataset``, which name their own. Where the split has a ``val`` subset, a training validates on it, see
    :func:`vidzoo.engine.validation.use_val_subset`.

    Packages in the current folder can be imported by the config.

    Args:
        path: the file.
        options: dotted key -> value, as ``--cfg-options`` gives them.

    Raises:
        ConfigError: there is no such file, it is no valid config, it names no data file or split where one is needed,
            or an option names a key that nothing reads.
    """
    path = Path(path)
    if not path.is_file():
        near = difflib.get_close_matches(path.stem, [p.stem for p in path.parent.glob("*.py")], n=3)
        hint = f"; did you mean {', '.join(str(path.with_name(n + '.py')) for n in near)}?" if near else "."
        raise ConfigError(f"{path}: no such config{hint}")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        config = Config.fromfile(str(path))
    except Exception as error:  # a config is a program of its author's
        place = ""
        if isinstance(error, SyntaxError) and error.lineno:
            place = f", line {error.lineno}"
        raise ConfigError(f"{path}{place}: {type(error).__name__}: {' '.join(str(error).split())}") from error
    options = options or {}
    handed_on = {name for holder in _file_holders(config) for name in _FILES if name in holder}
    known = {*inspect.signature(Runner).parameters, *_FURTHER_KEYS, *handed_on}
    for key in options:
        top = key.split(".")[0]
        if top not in known and top in config:
            raise ConfigError(
                f"--cfg-options {key}: '{top}' is a name that the config's own lines use, and they have been read "
                f"already; override the keys that they set."
            )
        if top in _FILES and top not in known:
            raise ConfigError(f"{path}: reads no '{top}', so there is nothing to give it to by {_OPTIONS[top]}.")
        if top not in known:
            near = difflib.get_close_matches(top, known, n=3)
            raise ConfigError(f"--cfg-options {key}: the config has no '{top}'; did you mean {', '.join(near) or '?'}?")
    asked = {name: value for name, value in options.items() if name in _FILES}
    try:
        config.merge_from_dict(asked)
        _hand_on_files(config, path, asked)
        config.merge_from_dict({key: value for key, value in options.items() if key not in asked})
        if any(key.startswith("custom_imports") for key in options):
            import_modules_from_strings(**config.custom_imports)
    except (AssertionError, ImportError, IndexError, KeyError, TypeError) as error:
        raise ConfigError(f"--cfg-options: {' '.join(str(error.args[0]).split())}") from error
    _check_values(config, path)
    use_val_subset(config)
    return config


def _check_values(config: Config, path: Path) -> None:
    """Raise ConfigError for values that MMEngine would end with a traceback for."""
    seed = (config.get("randomness") or {}).get("seed")
    if seed is not None and not (type(seed) is int and 0 <= seed < 2**32):
        raise ConfigError(f"{path}: randomness.seed is {seed!r}, expected a whole number from 0 to {2**32 - 1}.")
    if not isinstance(config.get("compile", False), bool | dict):
        raise ConfigError(f"{path}: compile is {config.compile!r}, expected True, False or a dict of its arguments.")
    for holder in (config, *_file_holders(config)):
        for name in _FILES:
            if not isinstance(holder.get(name), str | None):
                raise ConfigError(f"{path}: {name} is {holder[name]!r}, expected the path of one file.")
