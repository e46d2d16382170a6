"""Several data files in one training: real and synthetic people, two laboratories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.utils.data import ConcatDataset

from vidzoo.datasets.statistics import Statistics, target_statistics
from vidzoo.datasets.vid_dataset import VIDDataset
from vidzoo.errors import ConfigError
from vidzoo.io.splits import Split
from vidzoo.registry import DATASETS
from vidzoo.task import TaskSpec


@DATASETS.register_module()
class ConcatVIDDataset(ConcatDataset):
    """Clips of the training subsets of several data files, each with its split.

    A model is standardised by the statistics of all their frames together. Each clip is dealt once an epoch, so that a
    file counts by its clips; with ``EvenBatchSampler(weights=[1, 1])`` two files count alike. A test is of one file and
    its split.

    Args:
        datasets: ``VIDDataset``s or their configs, with the same inputs, targets and lengths of clips.

    Raises:
        ConfigError: there is none, one is no training subset, two do not go together, or two split one file
            differently, so that the one may train on what the other tests.
    """

    datasets: list[VIDDataset]  # type: ignore[assignment]
    _seed = 0

    def __init__(self, datasets: Sequence[Any]) -> None:
        parts = [DATASETS.build(part) if isinstance(part, dict) else part for part in datasets]
        if not parts or not all(isinstance(part, VIDDataset) for part in parts):
            raise ConfigError("ConcatVIDDataset: datasets must be a list of VIDDatasets, one or more.")
        super().__init__(parts)
        splits: dict[str, Split] = {}
        for part in parts:
            if part.subset != "train":
                raise ConfigError(
                    f"ConcatVIDDataset: {part.split_path} is read for its {part.subset} subset; several files are for "
                    f"training, test each by itself."
                )
            here, there = f"{parts[0].split_path}", f"ConcatVIDDataset: {part.split_path}"
            sentence = parts[0].task.contradiction(part.task, here, there)
            for name in ("predictions", "grf"):
                ours, theirs = getattr(parts[0], name), getattr(part, name)
                if ours != theirs:
                    sentence = f"{there} has {name}={theirs!r}, but {here} has {name}={ours!r}"
            if sentence:
                raise ConfigError(f"{sentence}; let all data sets have the same.")
            if splits.setdefault(part.split.data_hash, part.split) != part.split:
                raise ConfigError(
                    f"ConcatVIDDataset: {part.split_path} is another split of a data file that is there already, "
                    f"{part.data.path}; training frames of the one may be test frames of the other. Use one split."
                )
        self.splits = tuple(splits.values())

    @property
    def task(self) -> TaskSpec:
        """What the clips give, the same in all files."""
        return self.datasets[0].task

    @property
    def seed(self) -> int:
        """The run's seed; each part draws from one of its own that follows from it."""
        return self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = seed
        for number, part in enumerate(self.datasets):
            part.seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])

    def set_epoch(self, epoch: int) -> None:
        """Choose the tiling and the augmentation of this epoch, in worker processes too."""
        for part in self.datasets:
            part.set_epoch(epoch)

    def target_statistics(self) -> Statistics:
        """Return what a model standardises by, over the frames of all files together.

        See :func:`vidzoo.datasets.statistics.target_statistics`.

        Raises:
            DataError: a torque has no good label in any of them.
        """
        tracks = [track for part in self.datasets for track in part.tracks]
        first = self.datasets[0]
        source = f"{' and '.join(str(part.split_path) for part in self.datasets)}: the train subset"
        return target_statistics(tracks, requires=first.requires, torques=first.torques, source=source)

    @property
    def metainfo(self) -> dict[str, Any]:
        """What ``VIDDataset.metainfo`` says; files, splits and their hashes are joined by '+'."""
        parts = [part.metainfo for part in self.datasets]
        names = ("data_file", "data_hash", "split", "protocol")
        joined = {name: "+".join(str(part[name]) for part in parts) for name in names}
        return parts[0] | joined | {"split_hash": "+".join(split.hash for split in self.splits)}
