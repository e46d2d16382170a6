"""Publish a trained model's weights: make the file, test it, and enter it into the index."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import torch
import yaml
from mmengine.model import BaseModel

import vidzoo
from vidzoo.apis.model_index import build_model, entry_of, load_into, models, recipes
from vidzoo.engine import build_runner, load_config, test
from vidzoo.engine.validation import checkpoint_to_test
from vidzoo.engine.weights import Precision, check_golden, golden_sample, write_weights
from vidzoo.errors import CheckpointError, ConfigError, DataError
from vidzoo.io.atomic import atomic_path, check_folder, check_output
from vidzoo.io.provenance import file_sha256
from vidzoo.models.estimators import TorqueEstimator

FOLDER = "weights"
"""Beside the index."""
LICENCE = "Apache-2.0"
WORTH_LEAVING_OUT = 1000
"""Numbers in a tensor: smaller ones that a new model has already are written all the same."""
_KEYS = ("Weights", "SHA256", "Weights Result")


class Sample(NamedTuple):
    """What a golden sample is made of."""

    inputs: dict[str, torch.Tensor]
    mass: float
    """kg."""


def publish(
    name: str,
    checkpoint: str | Path,
    *,
    data: str | Path,
    split: str | Path,
    result: str | Path,
    features: str | Path | None = None,
    sample_data: str | Path | None = None,
    sample_split: str | Path | None = None,
    work_dir: str | Path | None = None,
) -> Path:
    """Publish a checkpoint of a recipe and return the path of the weights, ``weights/NAME.safetensors``.

    Parameters are in half precision where the tested mPJE_mean stays the same to three digits, else in single. The
    result file is of the published file. Nothing is put into its place before all of it has been made and tested.

    Args:
        name: of the recipe.
        checkpoint: of its training, or the training's work dir.
        data: the data file to test on.
        split: its split.
        result: the result file to write, in the folder of the index, such as 'docs/results/NAME_block.json'.
        features: the data file's features, which the tests read in place of images; the golden sample has images.
        sample_data: gives the golden sample, without a picture of a real person; None: ``data``.
        sample_split: its split, whose test subset is taken.
        work_dir: where tests leave their logs; None: ``work_dirs/publish_NAME``.

    Raises:
        UnknownNameError: there is no such recipe.
        CheckpointError: the checkpoint cannot be read or does not fit, or its figure stays in no precision.
        ConfigError: the recipe is of no torque estimator, or the result file would lie elsewhere.
        DataError: data or split do not fit, or the golden sample would show a real person.
    """
    config, result = recipes() / entry_of(name)["Config"], Path(result)
    _check_place(result, checkpoint, data, split)
    source = Path(checkpoint_to_test(checkpoint) if Path(checkpoint).is_dir() else checkpoint)
    work_dir = Path(work_dir or Path("work_dirs") / f"publish_{name}")
    model = build_model(config)
    if not isinstance(model, TorqueEstimator):
        raise ConfigError(f"{config}: {type(model).__name__} estimates no torques, so no golden sample can be made.")
    meta = _meta(name, load_into(model, source), config)
    precisions = [precision for precision in get_args(Precision) if _fits(model, precision)]
    if not precisions:
        raise CheckpointError(f"{source}: some of its weights are no finite numbers; publish an earlier epoch.")
    sample = _sample(config, str(sample_data or data), str(sample_split or split), work_dir)
    files = {"data_file": data, "split": split, "features": features}
    given = {key: str(path) for key, path in files.items() if path is not None}
    options: dict[str, Any] = {"work_dir": work_dir, "cfg_options": given}
    before = test(config, source, **options)["mPJE_mean"]
    for precision in precisions:
        weights = work_dir / precision / f"{name}.safetensors"
        _write(weights, config, source, sample, meta, precision)
        after = test(config, weights, out=weights.parent, **options)["mPJE_mean"]
        if f"{after:.3f}" == f"{before:.3f}":
            return _install(name, weights, weights.parent / "results.json", result)
    raise CheckpointError(
        f"{source}: its mPJE_mean is {before:.4f}, but {after:.4f} from the written file even in {precision}; the "
        f"model keeps something that is no part of its state dict."
    )


def _check_place(result: Path, *inputs: str | Path) -> None:
    root = recipes().resolve()
    if not result.resolve().is_relative_to(root):
        raise ConfigError(f"{result}: lies outside {root}, the folder of the model index; name a file in it.")
    check_folder(result.parent)
    check_output(result, *inputs)


def _write(
    path: Path, config: Path, source: Path, sample: Sample, meta: Mapping[str, Any], precision: Precision
) -> None:
    """Write weights with a golden sample made by them as they are written, and check that a new model gives it."""
    model = build_model(config).eval()
    load_into(model, source)
    left_out = _brought_along(config, model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(getattr(torch, precision)))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_weights(path, model, golden_sample(model, *sample), meta, precision, left_out)
    other = build_model(config).eval()
    check_golden(other, load_into(other, path)["golden"], path)


def _fits(model: BaseModel, precision: Precision) -> bool:
    largest = torch.finfo(getattr(torch, precision)).max
    return all(bool((parameter.abs() <= largest).all()) for parameter in model.parameters())


def _brought_along(config: Path, model: BaseModel) -> list[str]:
    """Return the names of large weights that every new model of the config has, such as a frozen pre-trained network's.

    They come with the package, so that a file of weights need not hold them again.
    """
    own = model.state_dict()
    found = {name for name, value in own.items() if value.numel() >= WORTH_LEAVING_OUT}
    for seed in (0, 1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            new = build_model(config).state_dict()
        found = {name for name in found if torch.equal(new[name], own[name])}
    return sorted(found)


def _sample(config: Path, data: str, split: str, work_dir: Path) -> Sample:
    """Return the middle clip of the test subset, two predictions long."""
    options: dict[str, Any] = {"data_file": data, "split": split}
    options |= {"test_dataloader.num_workers": 0, "test_dataloader.dataset.predictions": 2}
    runner = build_runner(config, work_dir=work_dir, cfg_options=options)
    runner.build_testing()
    dataset = runner.test_loop.dataloader.dataset
    sample = dataset[len(dataset) // 2]
    label = sample["data_samples"]
    if "frames" in sample["inputs"]:
        kind = dataset.data.trial(label.subject, label.trial).camera_attribute(label.camera, "kind")
        if kind not in ("synthetic", "rendered"):
            raise DataError(
                f"{data}: its pictures are '{kind}', but a golden sample shows no real person; name a "
                f"file of drawn people: --sample-data FILE --sample-split FILE."
            )
    return Sample(sample["inputs"], float(label.mass))


def _meta(name: str, content: Mapping[str, Any], config: Path) -> dict[str, Any]:
    """Return what the weights say of themselves, without paths of this machine."""
    before = content.get("meta")
    before = before if isinstance(before, dict) else {}
    trained_on = dict(before.get("dataset_meta") or {})
    for key in trained_on.keys() & {"data_file", "split"}:
        trained_on[key] = Path(str(trained_on[key])).name
    return {
        "name": name,
        "licence": LICENCE,
        "vidzoo": vidzoo.__version__,
        "model": load_config(config).model.to_dict(),
        **{key: before[key] for key in ("epoch", "seed", "task") if key in before},
        "dataset_meta": trained_on,
    }


def _install(name: str, weights: Path, tested: Path, result: Path) -> Path:
    """Put weights, result and index entry into their places, the entry last."""
    folder = recipes() / FOLDER
    folder.mkdir(exist_ok=True)
    target = folder / weights.name
    result.parent.mkdir(parents=True, exist_ok=True)
    for source, place in ((weights, target), (tested, result)):
        with atomic_path(place) as temporary:
            shutil.copyfile(source, temporary)
    index = recipes() / "model-index.yml"
    values = {
        "Weights": f"{FOLDER}/{weights.name}",
        "SHA256": file_sha256(target),
        "Weights Result": result.resolve().relative_to(recipes().resolve()).as_posix(),
    }
    text = enter(index.read_text(encoding="utf-8"), name, values)
    with atomic_path(index) as temporary:
        temporary.write_text(text, encoding="utf-8")
    models.cache_clear()
    return target


def enter(text: str, name: str, values: Mapping[str, str]) -> str:
    """Return the index's text with the lines of published weights in a model's entry; every other line stays.

    Raises:
        ConfigError: the text is not laid out as the index is, one key a line below the entry's name.
    """
    keys = "|".join(_KEYS)
    entry = re.compile(
        rf"(^  - Name: {re.escape(name)} *\n(?:    .*\n)*?    Config: .*\n)((?:    (?:{keys}): .*\n)*)", re.MULTILINE
    )
    lines = "".join(f"    {key}: {values[key]}\n" for key in _KEYS)
    changed = entry.sub(lambda found: found[1] + lines, text)
    before, after = ({its["Name"]: its for its in yaml.safe_load(t)["Models"]} for t in (text, changed))
    if after != before | {name: before[name] | dict(values)}:
        raise ConfigError(f"model-index.yml: the entry of '{name}' is not laid out as the others; write {lines!r} in.")
    return changed
