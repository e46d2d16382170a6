"""Trials without any motion, of which only names, lengths and cameras count."""

from __future__ import annotations

import numpy as np

from vidzoo.anatomy import COORDINATES, MARKERS, action_family
from vidzoo.io.data_file import CameraTrack, Trial

SUBJECT4 = {
    "DJ1": 109, "DJ2": 104, "DJ3": 112, "DJAsym1": 91, "DJAsym2": 93, "DJAsym3": 100, "STS1": 1399,
    "STSweakLegs1": 1774, "squats1": 1346, "squatsAsym1": 1338, "walking1": 131, "walking2": 132, "walking4": 139,
    "walkingTS1": 143, "walkingTS2": 141, "walkingTS3": 141,
}  # fmt: skip
HELD_OUT = {
    "loso": {"held_out": ["subject3"]},
    "loao": {"held_out": ["walking"]},
    "cross_camera": {"held_out": ["Cam1"]},
    "transfer": {"held_out": ["squats1"], "train_cameras": ["Cam0"], "test_cameras": ["Cam1"]},
}
"""What the protocols must be told on the data file ``several``."""
SMALL = {"DJ1": 30, "DJ2": 31, "squats1": 50, "walking1": 33}


def empty_trial(subject: str, name: str, frames: int, cameras: tuple[str, ...] = ()) -> Trial:
    m, c = len(MARKERS), len(COORDINATES)
    zeros = np.zeros((frames, c))
    trial = Trial(
        subject=subject, trial=name, action=action_family(name), rate_hz=100.0, mass_kg=60.0, mass_source="metadata",
        height_m=1.7, sex="", motion="real", time=np.arange(frames) / 100, markers=np.zeros((frames, m, 3)),
        marker_velocities=np.zeros((frames, m, 3)), coordinates=zeros, coordinate_velocities=zeros, torques=zeros,
        validity=np.full((frames, c), 1),
    )  # fmt: skip
    for camera in cameras:
        trial.cameras[camera] = CameraTrack(
            [b"x"], np.zeros(1), np.zeros(frames, int), np.zeros((1, 4)), "real", (64, 64)
        )
    return trial
