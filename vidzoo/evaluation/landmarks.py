"""Landmarks against motion capture: distances, knee angles, and pictures whose left and right are exchanged.

Landmarks are places on or in the body, markers lie on the skin: a part of each distance is not an error. Letters:
V images, P = 8 pairs of joints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import butter, filtfilt
from scipy.spatial.transform import Rotation
from tabulate import tabulate

from vidzoo.anatomy import COORDINATES, LANDMARK_LIMBS, LANDMARKS, MARKERS
from vidzoo.arrays import neighbours
from vidzoo.errors import DataError
from vidzoo.geometry import crop_matrix, project
from vidzoo.io.data_file import DataFile, LandmarkStatus, LandmarkTrack, TrialReader
from vidzoo.io.provenance import commit

FORMAT, VERSION = "vid-landmark-errors", 1
FOUND_FORMAT, FOUND_VERSION = "vid-landmarks", 1
"""Of what ``vidzoo landmarks --json`` writes."""
JOINTS = {
    "shoulder": ("Shoulder",),
    "elbow": ("elbow_med", "elbow_lat"),
    "wrist": ("wrist_radius", "wrist_ulna"),
    "hip": ("HJC",),
    "knee": ("knee",),
    "ankle": ("ankle",),
    "heel": ("calc",),
    "toe": ("toe",),
}
"""Landmark -> the markers whose middle is compared with it, both without their side."""
SURE = 0.06
"""Lengths of the trunk: by so much must the joints of a part of the body be nearer on average to the motion capture
with their sides exchanged than without, or farther, for a picture to count."""
JITTER_HZ = 6.0
"""What moves faster than this is called jitter."""
_PAIRS = np.array([[LANDMARKS.index(f"{joint}_{side}") for side in "lr"] for joint in JOINTS])
_LIMBS = {limb: [list(JOINTS).index(j) for j in joints if j in JOINTS] for limb, joints in LANDMARK_LIMBS.items()}


def score_landmarks(data: DataFile) -> dict[str, Any]:
    """Return for each camera with landmarks how far they are from the markers, as ``vidzoo score-landmarks`` writes it.

    Raises:
        DataError: no camera has landmarks.
    """
    rows = [
        {"subject": trial.subject, "trial": trial.trial, "camera": camera, **score_camera(trial, camera)}
        for trial in data
        for camera in trial.cameras
        if trial.has_landmarks(camera)
    ]
    if not rows:
        raise DataError(f"{data.path}: holds no landmarks; find them with 'vidzoo landmarks {data.path}'.")
    return {
        "format": FORMAT,
        "version": VERSION,
        "commit": commit(),
        "data_file": Path(data.path).name,
        "data_hash": data.content_hash,
        "landmarks_hash": data.landmarks_hash,
        "units": {
            "world_mm": "mean distance from the markers, hip-centred, one rotation for the trial",
            "axes_deg": "deg, turn from the camera's axes to those of the landmarks",
            "pixels": "px of the stored image, median distance from the projected markers",
            "knee": "correlation with the knee angle of the data file; mean difference in deg",
            "jitter_mm": f"root mean square of what is faster than {JITTER_HZ:g} Hz",
            "exchanged": "images: sure of their sides; exchanged before and after repair",
        },
        "cameras": rows,
    }


def landmarks_table(tables: Mapping[str, dict[str, Any]]) -> str:
    """Format files of :func:`score_landmarks` as one Markdown table, a row for each camera of a trial."""
    headers = ("recording", "network", "images", "found", "mm", "axes, deg", "px", "knee r, right", "left",
               "deg, right", "left", "exchanged", "after")  # fmt: skip
    rows = []
    for row in (row for table in tables.values() for row in table["cameras"]):
        counts, knee = row.get("exchanged", {}).values(), row.get("knee", {})
        rows.append(
            [
                f"{row['subject']}/{row['trial']}/{row['camera']}",
                row["network"].removeprefix("blazepose_"),
                row["images"],
                row["found"],
                row.get("world_mm", "-"),
                row.get("axes_deg", "-"),
                f"{np.median(list(row['pixels'].values())):.1f}" if "pixels" in row else "-",
                *(f"{knee[side]['r']:.2f}" if knee else "-" for side in "rl"),
                *(f"{knee[side]['mean_difference_deg']:.0f}" if knee else "-" for side in "rl"),
                *(sum(count[when] for count in counts) if counts else "-" for when in ("before", "after")),
            ]
        )
    return _table(headers, rows, left=2)


def found_table(tables: Mapping[str, dict[str, Any]]) -> str:
    """Format files of ``vidzoo landmarks --json`` as one Markdown table, a row for each."""
    headers = ("data", "images", "network", "found", "images per second and core", "machine")
    rows = [
        [
            table["data_file"],
            f"{table['images']:,} {' and '.join(table['kinds'])}",
            table["network"],
            f"{table['found']:,}",
            table["images_per_cpu_second"],
            table["device"],
        ]
        for table in tables.values()
    ]
    return _table(headers, rows, left=3)


def _table(headers: Sequence[str], rows: list[list[Any]], left: int) -> str:
    align = ["left"] * left + ["right"] * (len(headers) - left)
    return tabulate([[*map(str, row)] for row in rows], headers, tablefmt="pipe", disable_numparse=True, colalign=align)


def score_camera(trial: TrialReader, camera: str) -> dict[str, Any]:
    """Return the figures of one camera; those that need its calibration are left out where it has none.

    Raises:
        DataError: it has no landmarks.
    """
    track, time = trial.landmarks(camera), trial.camera_array(camera, "video_time")
    found = track.status == LandmarkStatus.FOUND
    joints = _at(trial.array("time"), _joints(trial), time)
    known = np.isfinite(joints).all(axis=-1)
    hips = list(JOINTS).index("hip")
    seen = found & known[:, hips].all(axis=-1)
    result: dict[str, Any] = {
        "kind": str(trial.camera_attribute(camera, "kind")),
        "network": track.network,
        "images": len(time),
        "found": int(found.sum()),
        "compared": int(seen.sum()),
    }
    if seen.sum() < 2:
        return result
    world, rotation = track.world[:, _PAIRS].astype(float), trial.camera_attribute(camera, "rotation")
    centred = joints - joints[:, [hips]].mean(axis=2, keepdims=True)
    compared = known & seen[:, None, None]
    fitted, _ = Rotation.align_vectors(world[compared], centred[compared])
    apart = np.linalg.norm(world - centred @ fitted.as_matrix().T, axis=-1)
    result["world_mm"] = _round(1000 * apart[compared].mean())
    result["world_mm_joints"] = {
        joint: _round(1000 * apart[:, number][compared[:, number]].mean()) for number, joint in enumerate(JOINTS)
    }
    result["jitter_mm"] = _jitter(world[found], time[found])
    result["knee"] = {side: _knee(trial, track, time, found, side) for side in "rl"}
    if rotation is not None:
        result["axes_deg"] = _round(np.rad2deg((fitted * Rotation.from_matrix(rotation).inv()).magnitude()))
    pixels = _pixels(trial, camera, joints, track)
    if pixels is not None:
        apart = np.linalg.norm(track.pixels[:, _PAIRS] - pixels, axis=-1)
        result["pixels"] = dict(zip(JOINTS, map(_round, np.nanmedian(apart, axis=(0, 2)))))
        result["exchanged"] = exchanged(track, pixels, found)
    return result


def exchanged(track: LandmarkTrack, pixels: np.ndarray, seen: np.ndarray) -> dict[str, dict[str, int]]:
    """Count for each part of the body the images whose sides are exchanged, as the network saw them and as they are.

    Args:
        track: landmarks of V images.
        pixels: [V, P, 2, 2] of the joints, the left one first.
        seen: [V] bool, images that are compared.
    """
    now = track.pixels[:, _PAIRS]
    straight = np.linalg.norm(now - pixels, axis=-1).mean(axis=2)
    crossed = np.linalg.norm(now[:, :, ::-1] - pixels, axis=-1).mean(axis=2)
    middle = pixels.mean(axis=2)
    shoulder, hip = (middle[:, list(JOINTS).index(name)] for name in ("shoulder", "hip"))
    trunk = float(np.nanmedian(np.linalg.norm(shoulder - hip, axis=-1)[seen]))
    counts = {}
    for column, (limb, joints) in enumerate(_LIMBS.items()):
        gains = (straight - crossed)[:, joints] / trunk
        known = np.isfinite(gains)
        gain = np.where(known, gains, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        sure, wrong = seen & (np.abs(gain) > SURE), gain > 0
        before = wrong ^ (track.exchanged[:, column] > 0)
        counts[limb] = {
            "sure": int(sure.sum()),
            "before": int((before & sure).sum()),
            "after": int((wrong & sure).sum()),
        }
    return counts


def _joints(trial: TrialReader) -> np.ndarray:
    """Return the joints [F, P, 2, 3] m in the ground's axes, the left one first."""
    markers, names = trial.array("markers"), [name.lower() for name in MARKERS]
    columns = [[[names.index(f"{side}_{name}".lower()) for name in of] for side in "lr"] for of in JOINTS.values()]
    return np.stack([np.stack([markers[:, c].mean(axis=1) for c in pair], axis=1) for pair in columns], axis=1)


def _at(time: np.ndarray, values: np.ndarray, new_time: np.ndarray) -> np.ndarray:
    """Return values [F, ...] at other times; NaN beyond the ends by more than a frame."""
    before, weight = neighbours(time, new_time)
    weight = weight.reshape(-1, *[1] * (values.ndim - 1))
    between = (1 - weight) * values[before] + weight * values[before + 1]
    frame = time[1] - time[0]
    beyond = (new_time < time[0] - frame) | (new_time > time[-1] + frame)
    between[beyond] = np.nan
    return between


def _pixels(trial: TrialReader, camera: str, joints: np.ndarray, track: LandmarkTrack) -> np.ndarray | None:
    """Return the joints [V, P, 2, 3] in pixels of the stored images; None where the camera is not calibrated."""
    names = ("intrinsics", "rotation", "translation")
    intrinsics, rotation, translation = (trial.camera_attribute(camera, name) for name in names)
    if intrinsics is None or rotation is None or translation is None:
        return None
    source = project(joints @ rotation.T + translation, intrinsics)
    crops = trial.camera_array(camera, "crop")
    matrices = np.stack([crop_matrix(crop, track.image_size) for crop in crops])
    return source * matrices[:, None, None, [0, 1], [0, 1]] + matrices[:, None, None, :2, 2]


def _knee(trial: TrialReader, track: LandmarkTrack, time: np.ndarray, seen: np.ndarray, side: str) -> dict[str, float]:
    """Return how a knee's angle in the landmarks goes with that of the data file."""
    hip, knee, ankle = (track.world[seen, LANDMARKS.index(f"{name}_{side}")] for name in ("hip", "knee", "ankle"))
    thigh, shank = knee - hip, ankle - knee
    lengths = np.linalg.norm(thigh, axis=-1) * np.linalg.norm(shank, axis=-1)
    angle = np.rad2deg(np.arccos(np.clip((thigh * shank).sum(axis=-1) / lengths, -1, 1)))
    column = COORDINATES.index(f"knee_angle_{side}")
    true = np.rad2deg(_at(trial.array("time"), trial.array("coordinates")[:, [column]], time)[seen, 0])
    known = np.isfinite(true)
    return {
        "r": _round(np.corrcoef(angle[known], true[known])[0, 1], 3),
        "mean_difference_deg": _round(np.abs(angle[known] - true[known]).mean()),
    }


def _jitter(world: np.ndarray, time: np.ndarray) -> float | None:
    """Return the root mean square in mm of the joints' [V, P, 2, 3] motion that is faster than ``JITTER_HZ``."""
    rate = (len(time) - 1) / (time[-1] - time[0])
    if rate <= 2.5 * JITTER_HZ or len(time) < 30:
        return None
    b, a = butter(2, JITTER_HZ / (rate / 2), "high")
    return _round(1000 * np.sqrt((filtfilt(b, a, world, axis=0) ** 2).sum(axis=-1).mean()))


def _round(value: float, digits: int = 1) -> float:
    return round(float(value), digits)
