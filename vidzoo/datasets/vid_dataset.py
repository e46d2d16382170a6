"""Clips of a data file's trials, one subset of a split."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from mmengine.logging import print_log
from torch.utils.data import Dataset, get_worker_info

from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.datasets.clips import Clip, clip_at, cut, predicted_range, shift_of, tile
from vidzoo.datasets.images import read_images
from vidzoo.datasets.recording import Recording, Track, read_image_index, read_landmarks, read_recording, read_rotation
from vidzoo.datasets.statistics import Statistics, target_statistics
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import DataFile, TrialReader
from vidzoo.io.features_file import FeaturesFile
from vidzoo.io.split_checks import check_split
from vidzoo.io.splits import SUBSETS, Split, SplitEntry
from vidzoo.registry import DATASETS, TRANSFORMS
from vidzoo.structures import TorqueSample
from vidzoo.task import LANDMARK_MODALITIES, TaskSpec

_LABELS = ("gt_torques", "valid", "gt_markers", "gt_marker_valid", "gt_grf", "gt_contact", "gt_grf_valid")


@DATASETS.register_module()
class VIDDataset(Dataset):
    """Clips of L = window + predictions - 1 frames, of which ``predictions`` neighbouring ones are predicted.

    A trial's frames are tiled into clips, so that each target frame is predicted once per epoch. Training predicts a
    frame only where its whole window lies inside the entry's context (or see ``repeat_ends``), and shifts the tiling
    from epoch to epoch; testing repeats the context's first and last frame, so that every target frame gets its
    prediction. Places of a clip
    that are no target have frame index -1.

    Args:
        data_file: path of the data file.
        split: path of the split manifest made for it.
        subset: 'train', 'val' or 'test'; 'val' is read as 'test' is.
        requires: modalities (``task.MODALITIES``) to put into ``inputs``; nothing else is read.
        window: T, frames that a prediction sees.
        target_index: which of them is predicted, 0 to T - 1 (T - 1: a causal window); None: the centre, T being odd.
        predictions: K, predicted frames of a clip.
        camera: read this camera alone; None: every one that the split allows and the trial has, a clip from each.
        marker_frame: axes of the marker targets, 'camera' or 'ground'; both are relative to the pelvis centre, the
            mean of ``anatomy.PELVIS_MARKERS``. None: no marker targets.
        torques: names of the Q torques.
        grf: give the feet's forces too (``gt_grf``, ``gt_contact``, ``gt_grf_valid``). They are valid in target frames
            of trials that hold forces, but where an ankle's label says that the foot is on no plate.
        image_size: side in pixels to which images are resized; None: as stored.
        repeat_ends: let training repeat the context's first and last frame as testing does, for windows that are long
            beside the trials.
        pipeline: transforms or their configs, applied in order; see ``datasets.transforms``.
        features: path of a features file (``vidzoo features``), read in the place of images: ``image_features`` instead
            of ``frames``. Such a data set takes no transforms: the images are not there to be changed.

    The attribute ``task`` (:class:`vidzoo.task.TaskSpec`) says what its samples are made for.

    Tiling and augmentation follow from (``seed``, epoch, clip) and from nothing else; the attribute ``seed`` is 0 until
    ``EpochSeedHook`` sets it to the run's.

    Raises:
        ConfigError: an argument's value does not fit.
        DataError: file and split do not fit, or hold nothing that can be used.
    """

    def __init__(
        self,
        *,
        data_file: str | Path,
        split: str | Path,
        subset: Literal["train", "val", "test"] = "train",
        requires: Sequence[str] = ("frames",),
        window: int = 13,
        target_index: int | None = None,
        predictions: int = 1,
        camera: str | None = None,
        marker_frame: Literal["camera", "ground"] | None = None,
        torques: Sequence[str] = BENCHMARK_JOINTS,
        grf: bool = False,
        image_size: int | None = None,
        repeat_ends: bool = False,
        pipeline: Sequence[Any] = (),
        features: str | Path | None = None,
    ) -> None:
        _check_arguments(subset, window, target_index, predictions)
        self.window, self.predictions = window, predictions
        self.target_index = window // 2 if target_index is None else target_index
        try:
            self.task = TaskSpec(requires, window, self.target_index, torques, marker_frame, image_size)
        except ConfigError as error:
            raise ConfigError(f"VIDDataset: {error}") from None
        if not self.task.torques:
            raise ConfigError("VIDDataset: torques=[] names none; leave it out for the benchmark's 11.")
        self.requires, self.torques = self.task.requires, self.task.torques
        self.camera, self.marker_frame = camera, marker_frame
        self.grf, self.image_size = grf, image_size
        self.repeat_ends = repeat_ends or subset != "train"
        self.data, self.split, self.split_path = DataFile(data_file), Split.load(split), Path(split)
        check_split(self.split, self.data)
        self.splits = (self.split,)
        self.subset, self.test_mode = subset, subset != "train"
        self.pipeline = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
        self.features = self._open_features(features)
        self.seed = 0
        # In shared memory, so that persistent workers see a new epoch.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self._thread_limit_pid = -1
        self._warn_of_a_short_gap()
        self.tracks = list(self._load())
        self._clip_track, self._clip_start = tile(self.tracks, predictions, skip_empty=self.test_mode)
        self.data.close()  # no handle is open when worker processes are forked
        if not len(self._clip_track):
            raise DataError(
                f"{split}: no {subset} entry of {data_file} gives a clip: none is {window} frames long or shows the "
                f"camera asked for ({camera or 'any'}); use a smaller window, another camera or another split."
            )
        self.task = replace(self.task, rate_hz=self._rate())

    def _open_features(self, path: str | Path | None) -> FeaturesFile | None:
        if path is None:
            return None
        if "frames" not in self.requires:
            raise ConfigError(f"VIDDataset: features={path} take the place of images, which the model does not see.")
        if self.pipeline:
            raise ConfigError(
                f"VIDDataset: features={path} are of the images as they are stored, in which nothing can be changed; "
                f"leave pipeline empty, or train from images."
            )
        features = FeaturesFile(path)
        features.check_data(self.data)
        return features

    # --- loading ---------------------------------------------------------------------------------------------------
    def _rate(self) -> float:
        """Return the frames per second, which are the same in all trials."""
        rates = sorted({track.recording.rate_hz for track in self.tracks})
        if TaskSpec(rate_hz=rates[0]).differences(TaskSpec(rate_hz=rates[-1])):
            raise DataError(
                f"{self.data.path}: the trials of the {self.subset} subset have between {rates[0]:g} and {rates[-1]:g} "
                f"frames per second, so that a window of {self.window} frames is not the same time in each; build the "
                f"file at one rate."
            )
        return rates[0]

    def _warn_of_a_short_gap(self) -> None:
        gap = self.split.settings.get("gap", self.window)
        if self.split.protocol == "block" and self.window > gap:
            print_log(
                f"{self.split_path}: its gap of {gap} frames is shorter than the window of {self.window}; a fair block "
                f"split has --gap {self.window} or more.",
                logger="current",
                level=30,
            )

    @property
    def _needs_camera(self) -> bool:
        return bool({"frames", *LANDMARK_MODALITIES} & set(self.requires)) or self.marker_frame == "camera"

    def _load(self) -> Iterator[Track]:
        left_out = []
        for entry in self.split.entries(self.subset):
            if not entry.num_targets:
                continue
            if entry.cameras and not self._needs_camera and self.split.protocol == "cross_camera":
                raise ConfigError(
                    f"{self.split_path}: this split divides cameras, not frames; a dataset that reads neither 'frames' "
                    f"nor 'landmarks' would test what it learnt from. Use another protocol."
                )
            trial = self.data.trial(entry.subject, entry.trial)
            recording = read_recording(
                trial,
                entry,
                requires=self.requires,
                torques=self.torques,
                marker_targets=self.marker_frame is not None,
                grf=self.grf,
            )
            cameras = self._cameras(trial, entry)
            if not cameras:
                left_out.append(f"{entry.subject}/{entry.trial}")
            for camera in cameras:
                yield self._read_track(trial, recording, camera)
        if not left_out:
            return
        what = (
            f"{self.data.path}: {len(left_out)} {self.subset} trials lack the camera {self.camera or 'asked for'}: "
            f"{', '.join(left_out[:8])}{' ...' if len(left_out) > 8 else ''}"
        )
        if self.test_mode:
            raise DataError(f"{what}; a test needs all of them: build the file with that camera or split it again.")
        print_log(f"{what}; they are left out.", logger="current", level=30)

    def _cameras(self, trial: TrialReader, entry: SplitEntry) -> list[str]:
        """Return the cameras of a trial that give a track each.

        A model that sees no camera reads a trial once; where a split names those that test, it is scored as each.
        """
        if not self._needs_camera and not (entry.cameras and self.test_mode):
            return [""]
        cameras = [camera for camera in trial.cameras if not entry.cameras or camera in entry.cameras]
        return [camera for camera in cameras if self.camera in (None, camera)]

    def _read_track(self, trial: TrialReader, recording: Recording, camera: str) -> Track:
        rotation = read_rotation(trial, camera) if self.marker_frame == "camera" else np.eye(3)
        image = offsets = features = None
        context = slice(recording.start, recording.start + len(recording))
        modalities = read_landmarks(trial, camera, context, self.requires)
        if "frames" in self.requires:
            image = read_image_index(trial, camera)[context]
            if self.features is None:
                offsets = trial.camera_array(camera, "jpeg_offsets")
            else:
                features = self.features.read(trial.subject, trial.trial, camera, trial.num_images(camera))
        before, after = (0, 0) if self.repeat_ends else (self.target_index, self.window - 1 - self.target_index)
        first, stop = predicted_range(recording.target, before, after)
        return Track(recording, camera, rotation.astype(np.float32), image, offsets, first, stop, modalities, features)

    # --- clips -----------------------------------------------------------------------------------------------------
    def set_epoch(self, epoch: int) -> None:
        """Choose the tiling and the augmentation of this epoch, in worker processes too."""
        self._epoch[0] = epoch

    def __len__(self) -> int:
        return len(self._clip_track)

    def _first_predicted(self, index: int) -> int:
        """Return a clip's first predicted frame; training begins its tiling a little earlier in each epoch."""
        number, start = int(self._clip_track[index]), int(self._clip_start[index])
        if self.test_mode:
            return start
        return start - shift_of(self.tracks[number], self.predictions, [self.seed, int(self._epoch), 0, number])

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return ``inputs`` and ``data_samples`` of a clip; see ``structures.py``.

        Raises:
            DataError: an image cannot be decoded.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        self._limit_threads()
        track = self.tracks[self._clip_track[index]]
        clip = clip_at(track, self._first_predicted(index), self.window, self.target_index, self.predictions)
        sample = cut(track, clip)
        sample |= {"torque_names": self.torques, "marker_frame": self.marker_frame}
        sample["rng"] = np.random.default_rng([self.seed, int(self._epoch), 1, index])
        if track.image is not None and track.offsets is not None:
            shown, sample["image_index"] = np.unique(track.image[clip.seen], return_inverse=True)
            trial = self.data.trial(track.recording.subject, track.recording.trial)
            sample["images"] = read_images(trial, track.camera, track.offsets, shown, self.image_size)
        if track.image is not None and track.features is not None:
            sample["image_features"] = track.features[track.image[clip.seen]]
        for step in self.pipeline:
            sample = step(sample)
        return {"inputs": self._inputs(track, sample), "data_samples": _labels(track, clip, sample)}

    def _inputs(self, track: Track, sample: dict[str, Any]) -> dict[str, torch.Tensor]:
        inputs = {name: torch.from_numpy(sample[name]) for name in track.all_modalities}
        if "image_features" in sample:
            inputs["image_features"] = torch.from_numpy(sample["image_features"])
        for name in ("mass", "height"):
            if name in self.requires:
                inputs[name] = torch.tensor(getattr(track.recording, name), dtype=torch.float32)
        if "images" in sample:
            images = torch.from_numpy(np.ascontiguousarray(sample["images"].transpose(0, 3, 1, 2)))
            shows = torch.from_numpy(sample["image_index"])
            inputs["frames"] = images[shows]
            inputs["frame_is_new"] = torch.cat([torch.ones(1, dtype=torch.bool), shows[1:] != shows[:-1]])
        return inputs

    def _limit_threads(self) -> None:
        """Keep OpenCV to one thread in a worker process: its workers are the parallelism."""
        if get_worker_info() is not None and self._thread_limit_pid != os.getpid():
            cv2.setNumThreads(0)
            self._thread_limit_pid = os.getpid()

    # --- what others may ask -----------------------------------------------------------------------------------------
    def target_statistics(self) -> Statistics:
        """Return what a model standardises by; see :func:`vidzoo.datasets.statistics.target_statistics`.

        Raises:
            DataError: a torque has no good label in this subset.
        """
        source = f"{self.split_path}: the {self.subset} subset"
        return target_statistics(self.tracks, requires=self.requires, torques=self.torques, source=source)

    @property
    def metainfo(self) -> dict[str, Any]:
        """What a metric or a report may want to know of the data (MMEngine hands it on as ``dataset_meta``)."""
        return {
            "data_file": str(self.data.path),
            "data_hash": self.split.data_hash,
            "split": str(self.split_path),
            "split_hash": self.split.hash,
            "protocol": self.split.protocol,
            "subset": self.subset,
            "torques": self.torques,
            "marker_frame": self.marker_frame,
            "window": self.window,
            "target_index": self.target_index,
            "predictions": self.predictions,
        }


def _labels(track: Track, clip: Clip, sample: dict[str, Any]) -> TorqueSample:
    recording = track.recording
    labels = TorqueSample(
        metainfo={
            "subject": recording.subject,
            "trial": recording.trial,
            "action": recording.action,
            "camera": track.camera,
            "mass": recording.mass,
            "height": recording.height,
            "sex": recording.sex,
            "frame_indices": np.where(clip.is_target, recording.start + clip.predicted, -1),
        }
    )
    for name in _LABELS:
        if name in sample:
            labels.set_field(torch.from_numpy(sample[name]), name)
    return labels


def _check_arguments(subset: str, window: int, target_index: int | None, predictions: int) -> None:
    if subset not in SUBSETS:
        raise ConfigError(f"VIDDataset: subset='{subset}' must be one of {', '.join(SUBSETS)}.")
    if target_index is None and window % 2 == 0:
        raise ConfigError(
            f"VIDDataset: window={window} must be odd, so that it has a centre frame; or give the target_index."
        )
    if not isinstance(predictions, int) or predictions < 1:
        raise ConfigError(f"VIDDataset: predictions={predictions!r} must be a whole number, 1 or more.")
