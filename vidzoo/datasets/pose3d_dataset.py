"""Single images with 3D joints, for the pose network's own training (stage 1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import Dataset

from vidzoo.anatomy import POSE_JOINTS, POSE_ROOT
from vidzoo.datasets.images import decode_jpeg
from vidzoo.errors import ConfigError, DataError
from vidzoo.geometry import crop_matrix
from vidzoo.io.pose_file import SUBSETS, PoseFile
from vidzoo.registry import DATASETS, TRANSFORMS
from vidzoo.structures import PoseSample
from vidzoo.task import TaskSpec

_ROOT = POSE_JOINTS.index(POSE_ROOT)


@DATASETS.register_module()
class Pose3DDataset(Dataset):
    """Images of one or more pose files, each a clip of L = 1 frames with a :class:`PoseSample`.

    Args:
        pose_files: paths of pose files, or one; their images follow each other.
        subset: 'train' or 'test'; every file must have been made for it.
        image_size: S, side in pixels to which images are resized.
        pipeline: transforms or their configs, applied in order; see ``datasets.transforms``.

    Augmentation follows from (``seed``, epoch, image) and from nothing else; the attribute ``seed`` is 0 until
    ``EpochSeedHook`` sets it to the run's.

    Raises:
        ConfigError: an argument's value does not fit.
        DataError: a file is missing, broken or of the other subset.
    """

    requires = ("frames",)
    """What it puts into ``inputs``."""

    def __init__(
        self,
        *,
        pose_files: str | Path | Sequence[str | Path],
        subset: Literal["train", "test"] = "train",
        image_size: int = 256,
        pipeline: Sequence[Any] = (),
    ) -> None:
        if subset not in SUBSETS:
            raise ConfigError(f"Pose3DDataset: subset='{subset}' must be 'train' or 'test'.")
        paths = [pose_files] if isinstance(pose_files, str | Path) else list(pose_files)
        if not paths:
            raise ConfigError("Pose3DDataset: pose_files is empty; name at least one file.")
        if image_size < 1:
            raise ConfigError(f"Pose3DDataset: image_size={image_size} must be 1 pixel or more.")
        self.files = [PoseFile(path) for path in paths]
        self.subset, self.image_size = subset, image_size
        self.task = TaskSpec(requires=self.requires, image_size=image_size)
        self.pipeline = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
        self.seed = 0
        # In shared memory, so that persistent workers see a new epoch.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        offsets, labels, hashes, kinds = [], [], [], []
        splits: dict[str, str] = {}
        for file in self.files:
            if file.attribute("subset") != subset:
                raise DataError(
                    f"{file.path}: holds {file.attribute('subset')} images, but the data set is the {subset} subset; "
                    f"make a file with 'vidzoo prepare-pose3d --subset {subset}'."
                )
            offsets.append(file.offsets())
            count = len(offsets[-1]) - 1
            labels.append({name: file.labels(name, count) for name in ("joints", "pixels", "intrinsics", "crop")})
            kinds.append(file.attribute("kind"))
            hashes.append(file.attribute("content_hash"))
            data_hash, split_hash = file.attribute("data_hash"), file.attribute("split_hash")
            if data_hash and splits.setdefault(data_hash, split_hash) != split_hash:
                raise DataError(
                    f"{file.path}: comes from the data file of another of pose_files, but by another split, so that "
                    f"one's training images may be the other's test images; make both with one split."
                )
            file.close()  # no handle is open when worker processes are forked
        self._kinds = kinds
        self._first = np.cumsum([0, *(len(o) - 1 for o in offsets)])
        self._offsets = offsets
        self._labels = {name: np.concatenate([part[name] for part in labels]) for name in labels[0]}
        bad = ~(np.isfinite(self._labels["crop"]).all(axis=1) & (self._labels["crop"][:, 2:] > 0).all(axis=1))
        if bad.any():
            number = int(np.flatnonzero(bad)[0])
            raise DataError(f"{self._place(number)} has the crop {self._labels['crop'][number]}; build the file again.")
        self.metainfo = {
            "pose_files": [str(path) for path in paths],
            # A training goes on with the same images only.
            "split_hash": hashlib.sha256("".join(hashes).encode()).hexdigest(),
            "data_splits": splits,
            "subset": subset,
            "joints": list(POSE_JOINTS),
        }

    def set_epoch(self, epoch: int) -> None:
        """Choose the augmentation of this epoch, in worker processes too."""
        self._epoch[0] = epoch

    def __len__(self) -> int:
        return int(self._first[-1])

    def _place(self, index: int) -> str:
        file = int(np.searchsorted(self._first, index, side="right")) - 1
        return f"{self.files[file].path}: image {index - self._first[file]}"

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return ``inputs`` and ``data_samples`` of an image; see ``structures.py``.

        Raises:
            DataError: the image cannot be decoded.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        number = int(np.searchsorted(self._first, index, side="right")) - 1
        offsets, row = self._offsets[number], index - int(self._first[number])
        file = self.files[number]
        image = decode_jpeg(file.jpeg(int(offsets[row]), int(offsets[row + 1])), self.image_size)
        if image is None:
            raise DataError(f"{self._place(index)} is no JPEG that can be decoded; build the file again.")
        to_picture = crop_matrix(self._labels["crop"][index], (self.image_size,) * 2)
        pixels = self._labels["pixels"][index]
        sample: dict[str, Any] = {
            "images": image[None],
            "rng": np.random.default_rng([self.seed, int(self._epoch), 1, index]),
            "joint_pixels": pixels @ to_picture[:2, :2].T + to_picture[:2, 2],
            "joints": self._labels["joints"][index].astype(np.float64),
            "intrinsics": to_picture @ self._labels["intrinsics"][index],
        }
        for step in self.pipeline:
            sample = step(sample)
        images = torch.from_numpy(np.ascontiguousarray(sample["images"].transpose(0, 3, 1, 2)))
        return {"inputs": {"frames": images}, "data_samples": self._labelled(sample, self._kinds[number], index)}

    def _labelled(self, sample: dict[str, Any], kind: str, index: int) -> PoseSample:
        relative = sample["joints"] - sample["joints"][_ROOT]
        known = np.isfinite(relative).all(axis=1)
        pose = np.concatenate([sample["joint_pixels"], relative[:, 2:]], axis=1)
        placed = np.isfinite(sample["joint_pixels"]).all(axis=1)
        valid = np.stack([placed, placed, known], axis=1)
        labels = PoseSample(metainfo={"kind": kind, "image": index})
        for name, value in {
            "gt_pose": np.where(valid, pose, 0),
            "gt_pose_valid": valid,
            "gt_joints": np.where(known[:, None], relative, 0),
            "gt_joint_valid": known,
            "intrinsics": sample["intrinsics"],
            "root_depth": sample["joints"][_ROOT, 2],
        }.items():
            array = np.asarray(value)[None]
            labels.set_field(torch.from_numpy(array if array.dtype == bool else array.astype(np.float32)), name)
        return labels
