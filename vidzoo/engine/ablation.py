"""Train and test several configs with several seeds."""

from __future__ import annotations

import gc
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vidzoo.engine.config import load_config
from vidzoo.engine.run import test, train
from vidzoo.errors import ConfigError, VidZooError
from vidzoo.evaluation.ablation import Run, collect, run_folder, write_ablation
from vidzoo.io.atomic import atomic_path

NOTE = "run.py"
"""The config that is run in a folder, all merged."""


def _names(configs: Sequence[str | Path], seeds: Sequence[int]) -> list[str]:
    """Return the configs' names.

    Raises:
        ConfigError: a name or a seed is there twice.
    """
    names = [Path(config).stem for config in configs]
    for things, what in ((names, "configs are called"), (list(seeds), "seeds are")):
        twice = [thing for thing, count in Counter(things).items() if count > 1]
        if twice:
            raise ConfigError(f"ablation: two {what} '{twice[0]}'; each needs its own folder, so give each once.")
    return names


def _check_folder(folder: Path, text: str) -> None:
    """Raise ConfigError where something else than the config ``text`` was run in ``folder`` before."""
    note = folder / NOTE
    if note.is_file() and note.read_text(encoding="utf-8") != text:
        raise ConfigError(
            f"{folder}: was begun with another config or other --cfg-options (see {NOTE} in it); name another "
            f"--work-dir, or remove that folder."
        )


def _run(config: str, folder: Path, options: dict[str, Any], text: str) -> None:
    """Note what is run, train, going on where an earlier attempt stopped, and test; the test's results end the run."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / NOTE) as note:
        note.write_text(text, encoding="utf-8")
    train(config, work_dir=folder, resume=True, cfg_options=options)
    test(config, folder, out=folder, work_dir=folder, cfg_options=options)
    if not (folder / "results.json").is_file():
        raise ConfigError(f"{config}: its test_evaluator wrote no results.json; TorqueBenchmark does.")


def ablate(
    configs: Sequence[str | Path],
    seeds: Sequence[int],
    work_dir: str | Path,
    cfg_options: dict[str, Any] | None = None,
    table_only: bool = False,
) -> dict[str, Any]:
    """Run every config with every seed, each in ``work_dir/<config's name>/seed_<seed>``; write and return the table.

    A run that has its ``results.json`` is not repeated, one that was interrupted goes on from its newest checkpoint.
    Where one fails the others go on; the table names it. ``work_dir/ablation.json`` holds the table.

    Args:
        configs: paths; their names are the table's.
        seeds: of each config's runs.
        work_dir: made where it is missing.
        cfg_options: dotted key -> value, for all runs.
        table_only: run nothing, and make the table of the results that are there.

    Raises:
        ConfigError: a config cannot be read, is there twice, or a run's folder belongs to something else.
        DataError: the table cannot be written.
    """
    names, work_dir = _names(configs, seeds), Path(work_dir)
    failures: dict[Run, str] = {}
    if not table_only:
        runs = []
        for config, name in zip(configs, names):
            for seed in seeds:
                # MMEngine's logs go by this name; by default it is the config's and the second it was started in.
                own = {"randomness.seed": seed, "experiment_name": f"{name}_seed_{seed}"}
                options = (cfg_options or {}) | own
                text = load_config(config, options).pretty_text
                _check_folder(run_folder(work_dir, (name, seed)), text)
                runs.append(((name, seed), str(config), options, text))
        work_dir.mkdir(parents=True, exist_ok=True)
        for run, config, options, text in runs:
            folder = run_folder(work_dir, run)
            if (folder / "results.json").is_file():
                continue
            try:
                _run(config, folder, options, text)
            except VidZooError as error:
                failures[run] = str(error)
            except Exception as error:  # a defect of one run; its trace is for its author, the table goes on
                traceback.print_exc()
                failures[run] = f"{type(error).__name__}: {' '.join(str(error).split())}"
            gc.collect()  # worker processes and a GPU's memory are freed with the runner
    elif not work_dir.is_dir():
        raise ConfigError(f"--work-dir {work_dir}: no such folder, so there is nothing to make a table of.")
    table = collect(work_dir, names, seeds, failures)
    write_ablation(work_dir / "ablation.json", table)
    return table
