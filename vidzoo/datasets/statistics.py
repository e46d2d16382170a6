"""Means and standard deviations by which a model standardises its targets and inputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from vidzoo.anatomy import BODY_LANDMARKS, LANDMARKS
from vidzoo.datasets.recording import Track, pelvis_centre_or_zero
from vidzoo.errors import DataError
from vidzoo.task import NUM_EXAMPLE_MOTIONS

MIN_MARKER_STD = 1e-3
"""m; a marker coordinate that varies less is standardised as if it varied so much."""
MIN_TORQUE_STD = 1e-3
"""N·m/kg; the same for a torque."""
MIN_GRF_STD = 1e-2
"""N/kg; the same for a component of a foot's force."""

MIN_LANDMARK_STD = 0.005
"""Body heights; the same for a landmark."""
_BODY = [LANDMARKS.index(name) for name in BODY_LANDMARKS]
_HIPS = (BODY_LANDMARKS.index("hip_r"), BODY_LANDMARKS.index("hip_l"))

Statistics = dict[str, tuple[np.ndarray, np.ndarray]]
"""Quantity -> mean and standard deviation, or another pair of arrays."""


def target_statistics(
    tracks: Sequence[Track], *, requires: Sequence[str], torques: Sequence[str], source: str
) -> Statistics:
    """Return mean and standard deviation of the targets and numeric inputs of some tracks, each frame counted once.

    Keys: 'torques_per_kg' ([Q] N·m/kg, over good labels that some clip predicts), 'markers' ([M, 3] m, in the axes of
    the marker targets; there if these are), 'grf_per_kg' ([2, 3] N/kg; there if the forces are), 'input_' + modality
    for every required one but 'frames', 'marker_valid' and 'landmark_valid' (as it enters the model, before any
    centring), and two more inputs:

    - 'input_markers_centred' with 'markers': moved along the floor until the pelvis centre is above the ground's origin
    - 'input_landmarks_turned' with 'landmarks_world' ([16, 3] body heights, of ``anatomy.BODY_LANDMARKS``): each
      frame's landmarks turned about the picture's vertical until the left hip is beside the right one

    With 'coordinates' and 'coordinate_velocities' also 'example_motions': no mean and deviation, but these two
    ([1024, C]) in frames spread evenly over the target frames.

    A camera's inputs are taken over the frames of all cameras.

    Args:
        tracks: of one data set, or of several that are trained on together.
        requires: the modalities of the inputs.
        torques: names of the Q torques, for the message.
        source: where the tracks come from, for the message, such as "data/block.json: the train subset".

    Raises:
        DataError: a torque has no good label.
    """
    entries = list({id(track.recording): track for track in tracks}.values())
    recordings = [track.recording for track in entries]
    used = [slice(track.first, track.stop) for track in entries]
    good = np.concatenate([recording.valid[part] for recording, part in zip(recordings, used)])
    for name, count in zip(torques, good.sum(axis=0)):
        if count == 0:
            raise DataError(f"{source} holds no good label of '{name}'; predict other torques, or use another split.")
    per_kg = [r.torques[part].astype(np.float64) / r.mass for r, part in zip(recordings, used)]
    statistics = {"torques_per_kg": mean_std(np.concatenate(per_kg), good, MIN_TORQUE_STD)}
    turned = [t.recording.markers @ t.rotation.T for t in tracks if t.recording.markers is not None]
    seen = [t.recording.marker_valid for t in tracks if t.recording.marker_valid is not None]
    if turned:
        statistics["markers"] = mean_std(np.concatenate(turned), np.concatenate(seen)[..., None], MIN_MARKER_STD)
    forces = [r.grf / r.mass for r in recordings if r.grf is not None]
    known = [r.grf_valid for r in recordings if r.grf_valid is not None]
    if forces:
        statistics["grf_per_kg"] = mean_std(np.concatenate(forces), np.concatenate(known)[:, None, None], MIN_GRF_STD)
    inputs = _inputs(tracks, requires)
    for name, values in inputs.items():
        least = MIN_LANDMARK_STD if name == "landmarks_turned" else 0.0
        statistics[f"input_{name}"] = mean_std(values, np.array(True), least)
    if {"coordinates", "coordinate_velocities"} <= set(inputs):
        chosen = np.linspace(0, len(inputs["coordinates"]) - 1, NUM_EXAMPLE_MOTIONS).round().astype(int)
        statistics["example_motions"] = (inputs["coordinates"][chosen], inputs["coordinate_velocities"][chosen])
    return statistics


def _inputs(tracks: Sequence[Track], requires: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Return each numeric input over the target frames of all recordings, a camera's over those of all its tracks."""
    inputs: dict[str, list[np.ndarray]] = defaultdict(list)
    for track in tracks:
        for name, values in track.modalities.items():
            if name != "landmark_valid":
                inputs[name].append(values[track.recording.target])
            if name == "landmarks_world":
                inputs["landmarks_turned"].append(_turned(inputs[name][-1][:, _BODY]) / track.recording.height)
    for recording in {id(track.recording): track.recording for track in tracks}.values():
        for name, values in recording.modalities.items():
            if name != "marker_valid":
                inputs[name].append(values[recording.target])
            if name == "markers":
                place = pelvis_centre_or_zero(inputs[name][-1]) * np.array([1, 0, 1], dtype=np.float32)
                inputs["markers_centred"].append(inputs[name][-1] - place)
        for name in ("mass", "height"):
            if name in requires:
                inputs[name].append(np.full(int(recording.target.sum()), getattr(recording, name)))
    return {name: np.concatenate(parts) for name, parts in inputs.items()}


def _turned(landmarks: np.ndarray) -> np.ndarray:
    """Return landmarks [F, 16, 3] turned about y, each frame until its hips lie along x."""
    across = landmarks[:, _HIPS[1]] - landmarks[:, _HIPS[0]]
    cos, sin = (across[:, [0, 2]] / np.maximum(np.hypot(across[:, 0], across[:, 2]), 1e-6)[:, None]).T[..., None]
    x, y, z = np.moveaxis(landmarks, -1, 0)
    return np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=-1)


def mean_std(values: np.ndarray, valid: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over axis 0 where ``valid``; 0 and ``least`` where nothing is.

    Args:
        values: [n, ...].
        valid: bool, of a shape that broadcasts to it.
        least: no standard deviation is returned that is smaller.
    """
    values = values.astype(np.float64)
    count = np.maximum(np.broadcast_to(valid, values.shape).sum(axis=0), 1)
    mean = np.where(valid, values, 0).sum(axis=0) / count
    variance = np.where(valid, (values - mean) ** 2, 0).sum(axis=0) / count
    return mean.astype(np.float32), np.maximum(np.sqrt(variance), least).astype(np.float32)
