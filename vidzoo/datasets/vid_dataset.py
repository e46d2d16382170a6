"""Clips of a data file's trials, one subset of a split."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from mmengine.logging import print_log
from tabulate import tabulate
from torch.utils.data import Dataset, get_worker_info

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, MARKERS, PELVIS_MARKERS
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import DataFile, Reason, TrialReader
from vidzoo.io.split_checks import check_split
from vidzoo.io.splits import Split, SplitEntry
from vidzoo.registry import DATASETS, TRANSFORMS
from vidzoo.structures import MODALITIES, TorqueSample

_PER_FRAME = tuple(name for name in MODALITIES if name not in ("frames", "marker_valid", "mass", "height"))
_PELVIS = [MARKERS.index(name) for name in PELVIS_MARKERS]
_ANKLES = [COORDINATES.index(name) for name in ("ankle_angle_r", "ankle_angle_l")]
CONTACT_FORCE = 20.0
"""N; a foot that pushes less does not stand."""
_LABELS = ("gt_torques", "valid", "gt_markers", "gt_marker_valid", "gt_grf", "gt_contact", "gt_grf_valid")
MIN_MARKER_STD = 1e-3
"""m; a marker coordinate that varies less is standardised as if it varied so much."""
MIN_TORQUE_STD = 1e-3
"""N·m/kg; the same for a torque."""
MIN_GRF_STD = 1e-2
"""N/kg; the same for a component of a foot's force."""
MAX_PIXELS = 1 << 26
"""An image that declares more is not decoded."""
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


@dataclass(frozen=True)
class Recording:
    """The frames of one split entry: F frames of its context, held in memory; nothing outside the context."""

    subject: str
    trial: str
    action: str
    mass: float
    height: float
    sex: str
    start: int
    """The trial's frame index of row 0."""
    target: np.ndarray
    """[F] bool: to be learnt or scored."""
    torques: np.ndarray
    """[F, Q] N·m, 0 where not ``valid``."""
    valid: np.ndarray
    """[F, Q] bool: a target frame with a good label."""
    modalities: dict[str, np.ndarray]
    """The required ones that have a row for each frame, without gaps."""
    markers: np.ndarray | None
    """[F, M, 3] m relative to the pelvis centre, ground axes, 0 where not ``marker_valid``; None if not asked for."""
    marker_valid: np.ndarray | None
    """[F, M] bool."""
    grf: np.ndarray | None
    """[F, 2, 3] N on the right and left foot, 0 where not ``grf_valid``; None if not asked for."""
    grf_valid: np.ndarray | None
    """[F] bool."""

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Track:
    """What one camera saw of a recording; without images and camera axes, the recording itself."""

    recording: Recording
    camera: str
    """'' where neither images nor the camera's axes are asked for."""
    rotation: np.ndarray
    """[3, 3] from the ground's axes to those of the marker targets."""
    image: np.ndarray | None
    """[F] int: the image each frame shows; None where no images are read."""
    offsets: np.ndarray | None
    """[V+1] int: where each image's JPEG begins."""
    first: int
    """Row of the first predicted frame to be tiled into clips."""
    stop: int
    """Row after the last one."""


@DATASETS.register_module()
class VIDDataset(Dataset):
    """Clips of L = window + predictions - 1 frames, of which ``predictions`` neighbouring ones are predicted.

    A trial's frames are tiled into clips, so that each target frame is predicted once per epoch. Training predicts a
    frame only where its whole window lies inside the entry's context, and shifts the tiling from epoch to epoch;
    testing repeats the context's first and last frame, so that every target frame gets its prediction. Places of a clip
    that are no target have frame index -1.

    Args:
        data_file: path of the data file.
        split: path of the split manifest made for it.
        subset: 'train' or 'test'.
        requires: modalities (``structures.MODALITIES``) to put into ``inputs``; nothing else is read.
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
        pipeline: transforms or their configs, applied in order; see ``datasets.transforms``.

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
        subset: Literal["train", "test"] = "train",
        requires: Sequence[str] = ("frames",),
        window: int = 13,
        target_index: int | None = None,
        predictions: int = 1,
        camera: str | None = None,
        marker_frame: Literal["camera", "ground"] | None = None,
        torques: Sequence[str] = BENCHMARK_JOINTS,
        grf: bool = False,
        image_size: int | None = None,
        pipeline: Sequence[Any] = (),
    ) -> None:
        _check_arguments(subset, requires, window, target_index, predictions, marker_frame, torques, image_size)
        self.data = DataFile(data_file)
        self.split = Split.load(split)
        check_split(self.split, self.data)
        self.split_path = Path(split)
        self.subset, self.test_mode = subset, subset == "test"
        self.requires = tuple(requires)
        self.window, self.predictions = window, predictions
        self.target_index = window // 2 if target_index is None else target_index
        self.camera, self.marker_frame = camera, marker_frame
        self.torques = tuple(torques)
        self.grf = grf
        self.image_size = image_size
        self.pipeline = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
        self.seed = 0
        # In shared memory, so that persistent workers hear of a new epoch.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self._thread_limit_pid = -1
        if self.split.protocol == "block" and window > self.split.settings.get("gap", window):
            print_log(
                f"{split}: its gap of {self.split.settings['gap']} frames is shorter than the window of {window}; "
                f"a fair block split has --gap {window} or more.",
                logger="current",
                level=30,
            )
        self.tracks = list(self._load())
        self._clip_track, self._clip_start = self._tile()
        self.data.close()  # no handle is open when worker processes are forked
        if not len(self._clip_track):
            raise DataError(
                f"{split}: no {subset} entry of {data_file} gives a clip: none is {window} frames long or shows the "
                f"camera asked for ({camera or 'any'}); use a smaller window, another camera or another split."
            )

    # --- loading ---------------------------------------------------------------------------------------------------
    @property
    def _needs_camera(self) -> bool:
        return "frames" in self.requires or self.marker_frame == "camera"

    def _load(self) -> Iterator[Track]:
        left_out = []
        for entry in self.split.train if self.subset == "train" else self.split.test:
            if not entry.num_targets:
                continue
            if entry.cameras and not self._needs_camera:
                raise ConfigError(
                    f"{self.split_path}: this split divides cameras, not frames; a dataset that reads no 'frames' "
                    f"would test what it learnt from. Use another protocol."
                )
            trial = self.data.trial(entry.subject, entry.trial)
            recording = self._read_recording(trial, entry)
            cameras = [""]
            if self._needs_camera:
                cameras = [c for c in trial.cameras if not entry.cameras or c in entry.cameras]
                cameras = [c for c in cameras if self.camera in (None, c)]
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

    def _read_recording(self, trial: TrialReader, entry: SplitEntry) -> Recording:
        context = slice(*entry.context)
        target = np.zeros(entry.context[1] - entry.context[0], dtype=bool)
        for start, stop in entry.targets:
            target[start - context.start : stop - context.start] = True
        columns = [COORDINATES.index(name) for name in self.torques]
        torques = trial.array("torques", context)[:, columns]
        valid = (trial.array("validity", context)[:, columns] == 0) & np.isfinite(torques) & target[:, None]
        if ("height" in self.requires) and not trial.height_m > 0:
            raise DataError(
                f"{self.data.path}: {trial.subject}/{trial.trial} has height {trial.height_m} m, which the inputs "
                f"need; correct it in the source and build the file again."
            )

        modalities = {n: trial.array(n, context) for n in self.requires if n in _PER_FRAME}
        empty = [name for name, values in modalities.items() if not np.isfinite(values).any()]
        if empty:
            raise DataError(
                f"{self.data.path}: {trial.subject}/{trial.trial} has no '{empty[0]}' in the frames of this split, "
                f"which the model takes as input; use a model of images, or leave the trial out of the split."
            )
        gt_markers = marker_valid = None
        if self.marker_frame is not None or "marker_valid" in self.requires:
            markers = modalities["markers"] if "markers" in modalities else trial.array("markers", context)
        if "marker_valid" in self.requires:
            seen = np.isfinite(markers).all(axis=-1)
        if self.marker_frame is not None:
            centred = markers - markers[:, _PELVIS].mean(axis=1, keepdims=True)
            marker_valid = np.isfinite(centred).all(axis=-1) & target[:, None]
            gt_markers = np.where(marker_valid[..., None], centred, np.float32(0))
        for name, values in modalities.items():
            filled = values if "velocities" in name else fill_gaps(values)
            rest = _pelvis_centre(filled) if name == "markers" else np.float32(0)
            modalities[name] = np.where(np.isfinite(filled), filled, rest)
        if "marker_valid" in self.requires:
            modalities["marker_valid"] = seen
        grf, grf_valid = self._read_grf(trial, context, target) if self.grf else (None, None)
        return Recording(
            subject=trial.subject,
            trial=trial.trial,
            action=trial.action,
            mass=trial.mass_kg,
            height=trial.height_m,
            sex=trial.sex,
            start=entry.context[0],
            target=target,
            torques=np.where(valid, torques, np.float32(0)),
            valid=valid,
            modalities=modalities,
            markers=gt_markers,
            marker_valid=marker_valid,
            grf=grf,
            grf_valid=grf_valid,
        )

    @staticmethod
    def _read_grf(trial: TrialReader, context: slice, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the feet's forces [F, 2, 3] N and where both were measured [F]."""
        if not trial.has("grf"):
            return np.zeros((len(target), 2, 3), np.float32), np.zeros(len(target), dtype=bool)
        force = trial.array("grf", context)[..., :3]
        off_plate = (trial.array("validity", context)[:, _ANKLES] == Reason.OFF_PLATE).any(axis=1)
        valid = np.isfinite(force).all(axis=(1, 2)) & ~off_plate & target
        return np.where(valid[:, None, None], force, np.float32(0)), valid

    def _read_track(self, trial: TrialReader, recording: Recording, camera: str) -> Track:
        where = f"{self.data.path}: {trial.subject}/{trial.trial}/{camera}"
        rotation = np.eye(3)
        if self.marker_frame == "camera":
            rotation = trial.camera_attribute(camera, "rotation")
            numbers = np.shape(rotation) == (3, 3) and np.asarray(rotation).dtype.kind == "f"
            if not numbers or not np.isfinite(rotation).all():
                raise DataError(
                    f"{where} is not calibrated, so its axes are unknown; use marker_frame='ground' or None, or "
                    f"another camera."
                )
        image = offsets = None
        if "frames" in self.requires:
            offsets = trial.camera_array(camera, "jpeg_offsets")
            image = trial.camera_array(camera, "video_index")
            if image.shape != (trial.num_frames,) or image.min() < 0 or image.max() >= len(offsets) - 1:
                raise DataError(
                    f"{where}/video_index must name one of {len(offsets) - 1} images for each of {trial.num_frames} "
                    f"frames; build the file again."
                )
            image = image[recording.start : recording.start + len(recording)]
        before, after = (0, 0) if self.test_mode else (self.target_index, self.window - 1 - self.target_index)
        usable = np.flatnonzero(recording.target[before : max(len(recording) - after, 0)]) + before
        first, stop = (int(usable[0]), int(usable[-1]) + 1) if len(usable) else (0, 0)
        return Track(recording, camera, np.asarray(rotation, dtype=np.float32), image, offsets, first, stop)

    def _tile(self) -> tuple[np.ndarray, np.ndarray]:
        """Return for each clip its track and its first predicted frame's row in an unshifted tiling."""
        tracks, starts = [], []
        for i, track in enumerate(self.tracks):
            for start in range(track.first, track.stop, self.predictions):
                if not self.test_mode or track.recording.target[start : start + self.predictions].any():
                    tracks.append(i)
                    starts.append(start)
        return np.array(tracks, dtype=np.int64), np.array(starts, dtype=np.int64)

    # --- clips -----------------------------------------------------------------------------------------------------
    def set_epoch(self, epoch: int) -> None:
        """Choose the tiling and the augmentation of this epoch, in worker processes too."""
        self._epoch[0] = epoch

    def __len__(self) -> int:
        return len(self._clip_track)

    def _first_predicted(self, index: int) -> int:
        """Return the row of a clip's first predicted frame; training shifts it back by what costs no clip more."""
        number = int(self._clip_track[index])
        track, start = self.tracks[number], int(self._clip_start[index])
        if self.test_mode:
            return start
        slack = -(track.stop - track.first) % self.predictions
        return start - int(np.random.default_rng([self.seed, int(self._epoch), 0, number]).integers(slack + 1))

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return ``inputs`` and ``data_samples`` of a clip; see ``structures.py``.

        Raises:
            DataError: an image cannot be decoded.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        self._limit_threads()
        track = self.tracks[self._clip_track[index]]
        recording = track.recording
        first = self._first_predicted(index)
        predicted = first + np.arange(self.predictions)
        is_target = (predicted >= track.first) & (predicted < track.stop)
        predicted = np.clip(predicted, 0, len(recording) - 1)
        is_target &= recording.target[predicted]
        unclamped = first - self.target_index + np.arange(self.window + self.predictions - 1)
        rows = np.clip(unclamped, 0, len(recording) - 1)

        sample: dict[str, Any] = {name: values[rows] for name, values in recording.modalities.items()}
        sample["rng"] = np.random.default_rng([self.seed, int(self._epoch), 1, index])
        sample["torque_names"] = self.torques
        sample["valid"] = recording.valid[predicted] & is_target[:, None]
        sample["gt_torques"] = np.where(sample["valid"], recording.torques[predicted], np.float32(0))
        if recording.markers is not None and recording.marker_valid is not None:
            sample["marker_frame"] = self.marker_frame
            sample["gt_markers"] = recording.markers[rows] @ track.rotation.T
            sample["gt_marker_valid"] = recording.marker_valid[rows] & (rows == unclamped)[:, None]
            sample["gt_markers"] *= sample["gt_marker_valid"][..., None]
        if recording.grf is not None and recording.grf_valid is not None:
            sample["gt_grf_valid"] = recording.grf_valid[rows] & (rows == unclamped)
            sample["gt_grf"] = recording.grf[rows] * sample["gt_grf_valid"][:, None, None]
            sample["gt_contact"] = (sample["gt_grf"][..., 1] >= CONTACT_FORCE).astype(np.float32)
        if track.image is not None:
            shown, sample["image_index"] = np.unique(track.image[rows], return_inverse=True)
            sample["images"] = self._decode(track, shown)
        for step in self.pipeline:
            sample = step(sample)

        inputs = {name: torch.from_numpy(sample[name]) for name in recording.modalities}
        for name in ("mass", "height"):
            if name in self.requires:
                inputs[name] = torch.tensor(getattr(recording, name), dtype=torch.float32)
        if "images" in sample:
            images = torch.from_numpy(np.ascontiguousarray(sample["images"].transpose(0, 3, 1, 2)))
            shows = torch.from_numpy(sample["image_index"])
            inputs["frames"] = images[shows]
            inputs["frame_is_new"] = torch.cat([torch.ones(1, dtype=torch.bool), shows[1:] != shows[:-1]])
        labels = TorqueSample(
            metainfo={
                "subject": recording.subject,
                "trial": recording.trial,
                "action": recording.action,
                "camera": track.camera,
                "mass": recording.mass,
                "height": recording.height,
                "sex": recording.sex,
                "frame_indices": np.where(is_target, recording.start + predicted, -1),
            }
        )
        for name in _LABELS:
            if name in sample:
                labels.set_field(torch.from_numpy(sample[name]), name)
        return {"inputs": inputs, "data_samples": labels}

    def _limit_threads(self) -> None:
        """Keep OpenCV to one thread in a worker process: its workers are the parallelism."""
        if get_worker_info() is not None and self._thread_limit_pid != os.getpid():
            cv2.setNumThreads(0)
            self._thread_limit_pid = os.getpid()

    def _decode(self, track: Track, shown: np.ndarray) -> np.ndarray:
        """Return the images ``shown`` [U] as uint8 [U, H, W, 3] RGB."""
        recording, offsets = track.recording, track.offsets
        assert offsets is not None
        trial = self.data.trial(recording.subject, recording.trial)
        images: list[np.ndarray] = []
        for number in shown:
            where = f"{self.data.path}: image {number} of {recording.subject}/{recording.trial}/{track.camera}"
            data = trial.jpeg(track.camera, int(offsets[number]), int(offsets[number + 1]))
            image = decode_jpeg(data, self.image_size)
            if image is None:
                raise DataError(f"{where} is no JPEG that can be decoded; build the file again.")
            if images and image.shape != images[0].shape:
                raise DataError(
                    f"{where} is {image.shape[1]} x {image.shape[0]} pixels, the one before "
                    f"{images[0].shape[1]} x {images[0].shape[0]}; set image_size, so that all are resized."
                )
            images.append(image)
        return np.stack(images)

    # --- statistics ------------------------------------------------------------------------------------------------
    def target_statistics(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return mean and standard deviation of this subset's targets and numeric inputs, each frame counted once.

        Keys: 'torques_per_kg' ([Q] N·m/kg, over good labels that some clip predicts), 'markers' ([M, 3] m, in the axes
        of the marker targets; there if these are), 'grf_per_kg' ([2, 3] N/kg; there if the forces are), 'input_' +
        modality for every required one but 'frames' and 'marker_valid' (as it enters the model, before any centring),
        and, with 'markers', 'input_markers_centred': the markers moved along the floor until the pelvis centre is above
        the ground's origin.

        Raises:
            DataError: a torque has no good label on this subset.
        """
        entries = {id(track.recording): track for track in self.tracks}.values()
        torques, valid = [], []
        inputs: dict[str, list[np.ndarray]] = defaultdict(list)
        for track in entries:
            recording = track.recording
            used = slice(track.first, track.stop)
            torques.append(recording.torques[used].astype(np.float64) / recording.mass)
            valid.append(recording.valid[used])
            for name, values in recording.modalities.items():
                if name != "marker_valid":
                    inputs[name].append(values[recording.target])
                if name == "markers":
                    place = _pelvis_centre(inputs[name][-1]) * np.array([1, 0, 1], dtype=np.float32)
                    inputs["markers_centred"].append(inputs[name][-1] - place)
            for name in {"mass", "height"} & set(self.requires):
                inputs[name].append(np.full(int(recording.target.sum()), getattr(recording, name)))
        good = np.concatenate(valid)
        for name, count in zip(self.torques, good.sum(axis=0)):
            if count == 0:
                raise DataError(
                    f"{self.split_path}: the {self.subset} subset holds no good label of '{name}'; leave it out of "
                    f"'torques', or choose another split."
                )
        statistics = {"torques_per_kg": _mean_std(np.concatenate(torques), good, MIN_TORQUE_STD)}
        if self.marker_frame is not None:
            turned = [t.recording.markers @ t.rotation.T for t in self.tracks if t.recording.markers is not None]
            seen = [t.recording.marker_valid for t in self.tracks if t.recording.marker_valid is not None]
            statistics["markers"] = _mean_std(np.concatenate(turned), np.concatenate(seen)[..., None], MIN_MARKER_STD)
        if self.grf:
            forces = [t.recording.grf / t.recording.mass for t in entries if t.recording.grf is not None]
            known = [t.recording.grf_valid for t in entries if t.recording.grf_valid is not None]
            statistics["grf_per_kg"] = _mean_std(
                np.concatenate(forces), np.concatenate(known)[:, None, None], MIN_GRF_STD
            )
        for name, parts in inputs.items():
            statistics[f"input_{name}"] = _mean_std(np.concatenate(parts), np.array(True), 0.0)
        return statistics

    @property
    def metainfo(self) -> dict[str, Any]:
        """What a metric or a report may want to know of the data (MMEngine hands it on as ``dataset_meta``)."""
        return {
            "data_file": str(self.data.path),
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

    def summary(self) -> str:
        """Return a table of trials, clips, target and predicted frames and good labels per action family."""
        rows: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(5))
        for number, track in enumerate(self.tracks):
            recording = track.recording
            used = slice(track.first, track.stop)
            rows[recording.action] += (
                1,
                np.count_nonzero(self._clip_track == number),
                recording.target.sum(),
                recording.target[used].sum(),
                recording.valid[used].sum() / len(self.torques),
            )
        table = [[family, *row] for family, row in sorted(rows.items())]
        table.append(["all", *np.sum([row[1:] for row in table], axis=0)])
        lines = [[family, *(int(v) for v in row[:4]), f"{row[4] / max(row[3], 1):.0%}"] for family, *row in table]
        headers = ["family", "recordings", "clips", "target frames", "predicted frames", "good labels"]
        title = (
            f"{self.subset} subset of {self.split_path.name}: window {self.window}, target index {self.target_index}, "
            f"{self.predictions} predictions a clip"
        )
        return f"{title}\n{tabulate(lines, headers, intfmt=',', colalign=('left', *['right'] * 5))}"


def decode_jpeg(data: np.ndarray, size: int | None) -> np.ndarray | None:
    """Return the RGB image of a JPEG's bytes, uint8 [H, W, 3], or [size, size, 3]; None if it is broken or enormous.

    An image at least twice as large as wanted is halved while it is decoded, which is faster than afterwards.
    """
    stored = jpeg_size(data)
    if stored is None or stored[0] * stored[1] > MAX_PIXELS:
        return None
    fraction = 1
    while size is not None and fraction < 8 and min(stored) >= 2 * fraction * size:
        fraction *= 2
    image = cv2.imdecode(data, _REDUCED[fraction])
    if image is None:
        return None
    if size is not None and image.shape[:2] != (size, size):
        shrinks = size < max(image.shape[:2])
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def jpeg_size(data: np.ndarray) -> tuple[int, int] | None:
    """Return (height, width) from a JPEG's frame header; None where it has none, no beginning or no end."""
    raw = data.tobytes()
    if not (raw.startswith(b"\xff\xd8") and raw.endswith(b"\xff\xd9")):
        return None
    at = 2
    while at + 9 <= len(raw) and raw[at] == 0xFF:
        if 0xC0 <= raw[at + 1] <= 0xCF and raw[at + 1] not in (0xC4, 0xC8, 0xCC):  # a frame header, no table
            return int.from_bytes(raw[at + 5 : at + 7], "big"), int.from_bytes(raw[at + 7 : at + 9], "big")
        at += 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    return None


def fill_gaps(values: np.ndarray) -> np.ndarray:
    """Return [F, ...] with every NaN or infinity replaced by the nearest number of its series, where there is one."""
    missing = ~np.isfinite(values)
    if not missing.any():
        return values
    filled = values.copy()
    flat, gaps = filled.reshape(len(values), -1), missing.reshape(len(values), -1)
    for column in np.flatnonzero(gaps.any(axis=0)):
        known = np.flatnonzero(~gaps[:, column])
        if len(known):
            holes = np.flatnonzero(gaps[:, column])
            after = np.clip(np.searchsorted(known, holes), 0, len(known) - 1)
            before = np.maximum(after - 1, 0)
            nearer = np.where(np.abs(known[before] - holes) <= np.abs(known[after] - holes), before, after)
            flat[holes, column] = flat[known[nearer], column]
    return filled


def _pelvis_centre(markers: np.ndarray) -> np.ndarray:
    """Return the pelvis centre [F, 1, 3] of markers [F, M, 3]; 0 where a marker of it is missing."""
    return np.nan_to_num(markers[:, _PELVIS].mean(axis=1, keepdims=True), nan=0.0)


def _mean_std(values: np.ndarray, valid: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over axis 0 where ``valid``; 0 and the floor where nothing is."""
    values = values.astype(np.float64)
    count = np.maximum(np.broadcast_to(valid, values.shape).sum(axis=0), 1)
    mean = np.where(valid, values, 0).sum(axis=0) / count
    variance = np.where(valid, (values - mean) ** 2, 0).sum(axis=0) / count
    return mean.astype(np.float32), np.maximum(np.sqrt(variance), floor).astype(np.float32)


def _check_arguments(
    subset: str,
    requires: Sequence[str],
    window: int,
    target_index: int | None,
    predictions: int,
    marker_frame: str | None,
    torques: Sequence[str],
    image_size: int | None,
) -> None:
    if subset not in ("train", "test"):
        raise ConfigError(f"VIDDataset: subset='{subset}' must be 'train' or 'test'.")
    if isinstance(requires, str) or not set(requires) <= set(MODALITIES):
        raise ConfigError(f"VIDDataset: requires={requires!r} must be a list of some of {', '.join(MODALITIES)}.")
    if window < 1 or (target_index is None and window % 2 == 0):
        raise ConfigError(
            f"VIDDataset: window={window} must be odd, so that it has a centre frame; or give the target_index."
        )
    if target_index is not None and not 0 <= target_index < window:
        raise ConfigError(
            f"VIDDataset: target_index={target_index} must be 0 to {window - 1}, one of the window's {window} frames."
        )
    if predictions < 1:
        raise ConfigError(f"VIDDataset: predictions={predictions} must be 1 or more.")
    if marker_frame not in ("camera", "ground", None):
        raise ConfigError(f"VIDDataset: marker_frame='{marker_frame}' must be 'camera', 'ground' or None.")
    unknown = [name for name in torques if name not in COORDINATES]
    if isinstance(torques, str) or unknown or not torques:
        raise ConfigError(f"VIDDataset: torques={torques!r} must be a list of some of {', '.join(COORDINATES)}.")
    if image_size is not None and image_size < 1:
        raise ConfigError(f"VIDDataset: image_size={image_size} must be 1 pixel or more.")
