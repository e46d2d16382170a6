"""What the frozen part of a network says of each image of a data file, computed once for all trainings."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import nn

from vidzoo.datasets.images import read_images
from vidzoo.engine.config import config_mistakes, load_config
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.atomic import check_output
from vidzoo.io.data_file import DataFile
from vidzoo.io.features_file import CameraFeatures, write_features
from vidzoo.registry import MODELS

BATCH = 4
"""Images at a time: on a CPU larger batches leave the caches."""


def network_hash(model: Any) -> str:
    """Return the SHA-256 of all that a VID-Network's image features depend on: parts, settings and weights."""
    sha = hashlib.sha256()
    settings = [("spf_mode", model.spf_mode), ("image_size", model.image_size)]
    for name in ("data_preprocessor", "backbone", "heatmap_head", "pose_decoder"):
        part = getattr(model, name)
        for inner, module in part.named_modules():
            settings.append((f"{name}.{inner}", type(module).__qualname__))
            if not type(module).__module__.startswith("torch."):
                own = sorted(vars(module).items())
                settings += [(f"{name}.{inner}.{key}", value) for key, value in own if _says(key, value)]
        for inner, tensor in (*part.named_parameters(), *part.named_buffers()):
            sha.update(f"{name}.{inner} {list(tensor.shape)}".encode())
            sha.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    sha.update(repr(settings).encode())
    return sha.hexdigest()


def _says(key: str, value: Any) -> bool:
    """Whether an attribute of a module is a setting of it: no name of nn.Module's own, a plain value."""
    plain = isinstance(value, bool | int | float | str) or (
        isinstance(value, tuple | list) and all(isinstance(item, bool | int | float | str) for item in value)
    )
    return plain and key not in ("training", "call_super_init", "dump_patches") and not key.startswith("_")


def check_features(model: nn.Module, dataset: Any, place: str) -> None:
    """Check that the features that a data set reads in the place of images are those of a model.

    Args:
        model: that will read them.
        dataset: or several in one; nothing is done for those that read none.
        place: the data set's key in the config.

    Raises:
        ConfigError: the model cannot read features, or they were made by another network.
    """
    for part in getattr(dataset, "datasets", [dataset]):
        features = getattr(part, "features", None)
        if features is None:
            continue
        check_frozen(model, f"{place}.features")
        if features.network_hash != network_hash(model):
            raise ConfigError(
                f"{place}: {features.path} was made by another network than this config's (weights or settings of its "
                f"image part differ); make it again: 'vidzoo features {part.data.path} --config ...'."
            )


def check_frozen(model: nn.Module, place: str) -> None:
    """Check that a model's image part can be run once for all trainings.

    Raises:
        ConfigError: it cannot.
    """
    if getattr(model, "num_image_features", None) is None:
        raise ConfigError(
            f"{place}: {type(model).__name__} has no frozen image part whose output could be stored; use a config such "
            f"as vidnet_blazepose, whose backbone and heatmap head say frozen=True and whose marker regressor reads "
            f"coordinates."
        )


@torch.inference_mode()
def make_features(config: str | Path, data_file: str | Path, out: str | Path) -> dict[str, Any]:
    """Run a config's frozen image part over every image of a data file and write its features.

    Args:
        config: path of the config.
        data_file: path of the data file.
        out: path of the features file.

    Returns:
        ``images``, ``num_features``, ``seconds``.

    Raises:
        ConfigError: the config has no frozen image part.
        DataError: the data file has no images, or ``out`` cannot be written.
    """
    check_output(out, data_file, config)
    cfg = load_config(config, {"data_file": str(data_file)})
    with config_mistakes(config):
        model = MODELS.build(cfg.model)
    check_frozen(model, str(config))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(device).eval()
    data = DataFile(data_file)
    cameras = [
        (trial.subject, trial.trial, camera) for trial in data for camera in trial.cameras if trial.has_images(camera)
    ]
    if not cameras:
        raise DataError(f"{data_file}: has no images; build it with them.")
    counts = {"images": 0, "num_features": model.num_image_features}
    began = time.perf_counter()

    def computed() -> Iterator[CameraFeatures]:
        for subject, name, camera in track(cameras, description="features", transient=True):
            trial = data.trial(subject, name)
            images, offsets = trial.num_images(camera), trial.camera_array(camera, "jpeg_offsets")
            counts["images"] += images
            values = []
            for start in range(0, images, BATCH):
                numbers = range(start, min(start + BATCH, images))
                pictures = torch.from_numpy(read_images(trial, camera, offsets, list(numbers), model.image_size))
                frames = model.data_preprocessor({"inputs": {"frames": pictures.permute(0, 3, 1, 2)[None]}})
                values.append(model.image_features(frames["inputs"]["frames"][0]).cpu())
            yield CameraFeatures(subject, name, camera, torch.cat(values).numpy())

    write_features(
        out,
        computed(),
        data_hash=data.content_hash,
        network_hash=network_hash(model),
        num_features=model.num_image_features,
        settings={"config": Path(config).stem, "data_file": Path(data_file).name},
    )
    return counts | {"seconds": time.perf_counter() - began}
