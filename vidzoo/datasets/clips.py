"""How the frames of recordings are tiled into clips of K neighbouring predictions, and cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vidzoo.datasets.recording import Track

CONTACT_FORCE = 20.0
"""N; a foot that pushes less does not stand."""


@dataclass(frozen=True)
class Clip:
    """Which frames of a recording make a clip of L frames and K predictions."""

    predicted: np.ndarray
    """[K] int: the predicted frames; those past an end of the recording stand at that end."""
    is_target: np.ndarray
    """[K] bool: to be learnt or scored, no padding."""
    seen: np.ndarray
    """[L] int: the frames that the model sees; an end of the recording is repeated where more are needed."""
    is_repeated: np.ndarray
    """[L] bool: such a repeated end."""


def predicted_range(target: np.ndarray, before: int, after: int) -> tuple[int, int]:
    """Return the first predicted frame and the one after the last; (0, 0) where there is none.

    Args:
        target: [F] bool, the recording's target frames.
        before: frames that a window needs before the one that it predicts.
        after: frames that it needs after it.
    """
    usable = np.flatnonzero(target[before : max(len(target) - after, 0)]) + before
    return (int(usable[0]), int(usable[-1]) + 1) if len(usable) else (0, 0)


def tile(tracks: Sequence[Track], predictions: int, skip_empty: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return for each clip the number of its track and its first predicted frame, int64 each.

    Args:
        tracks: each is tiled from its ``first`` to its ``stop``.
        predictions: K, predicted frames of a clip.
        skip_empty: leave out clips without a target frame.
    """
    numbers, starts = [], []
    for number, track in enumerate(tracks):
        for start in range(track.first, track.stop, predictions):
            if not skip_empty or track.recording.target[start : start + predictions].any():
                numbers.append(number)
                starts.append(start)
    return np.array(numbers, dtype=np.int64), np.array(starts, dtype=np.int64)


def shift_of(track: Track, predictions: int, entropy: Sequence[int]) -> int:
    """Draw by how many frames a track's tiling begins earlier: at most so many as cost no further clip."""
    slack = -(track.stop - track.first) % predictions
    return int(np.random.default_rng(entropy).integers(slack + 1))


def clip_at(track: Track, first: int, window: int, target_index: int, predictions: int) -> Clip:
    """Return the clip whose first predicted frame is ``first``.

    Args:
        track: that it is cut from.
        first: a frame of the recording.
        window: T.
        target_index: of the predicted frame in its window.
        predictions: K.
    """
    last = len(track.recording) - 1
    predicted = first + np.arange(predictions)
    is_target = (predicted >= track.first) & (predicted < track.stop)
    predicted = np.clip(predicted, 0, last)
    wanted = first - target_index + np.arange(window + predictions - 1)
    seen = np.clip(wanted, 0, last)
    return Clip(predicted, is_target & track.recording.target[predicted], seen, seen != wanted)


def cut(track: Track, clip: Clip) -> dict[str, Any]:
    """Return a clip's modalities [L, ...] and labels as arrays by their names in ``structures.py``, without images."""
    recording = track.recording
    sample: dict[str, Any] = {name: values[clip.seen] for name, values in track.all_modalities.items()}
    sample["valid"] = recording.valid[clip.predicted] & clip.is_target[:, None]
    sample["gt_torques"] = np.where(sample["valid"], recording.torques[clip.predicted], np.float32(0))
    if recording.markers is not None and recording.marker_valid is not None:
        sample["gt_markers"] = recording.markers[clip.seen] @ track.rotation.T
        sample["gt_marker_valid"] = recording.marker_valid[clip.seen] & ~clip.is_repeated[:, None]
        sample["gt_markers"] *= sample["gt_marker_valid"][..., None]
    if recording.grf is not None and recording.grf_valid is not None:
        sample["gt_grf_valid"] = recording.grf_valid[clip.seen] & ~clip.is_repeated
        sample["gt_grf"] = recording.grf[clip.seen] * sample["gt_grf_valid"][:, None, None]
        sample["gt_contact"] = (sample["gt_grf"][..., 1] >= CONTACT_FORCE).astype(np.float32)
    return sample
