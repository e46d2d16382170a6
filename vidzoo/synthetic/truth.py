"""What perfect eyes would see of a drawn person: the figure's points in place of a pose network's landmarks."""

from __future__ import annotations

import numpy as np

from vidzoo.anatomy import LANDMARK_LIMBS, LANDMARKS
from vidzoo.io.data_file import LandmarkTrack
from vidzoo.synthetic.camera import Camera

_POINTS = {"nose": "nose", "mouth": "nose", "eye_inner": "eye", "eye": "eye", "eye_outer": "eye", "ear": "skull",
           "pinky": "hand", "index": "hand", "thumb": "hand"}  # fmt: skip
"""Landmark -> the figure's nearest point, where it is called otherwise, both without a side."""
_MIDDLE = ("nose", "skull")
_SIDES = ("_l", "_r")


def true_landmarks(points: dict[str, np.ndarray], camera: Camera, size: int) -> LandmarkTrack:
    """Return the figure's points [V, 3] m as landmarks, all visible.

    The places in space are relative to the middle of the hips, x to the camera's right, y along gravity and z away from
    the camera: its pitch, which a picture does not tell, is taken out. Face and hands are one point each.

    Args:
        points: of :func:`vidzoo.synthetic.figure.trace`, in the ground's axes.
        camera: sees them.
        size: side of its picture, px.
    """
    names = [_point(name) for name in LANDMARKS]
    ground = np.stack([points[name] for name in names], axis=1)
    centred = ground - (points["hip_r"] + points["hip_l"])[:, None] / 2
    right = camera.rotation[0] * [1, 0, 1]
    right /= np.linalg.norm(right)
    axes = np.stack([right, [0.0, -1.0, 0.0], np.cross(right, [0.0, -1.0, 0.0])])
    frames = len(ground)
    return LandmarkTrack(
        pixels=camera.project(ground)[0],
        visibility=np.ones((frames, len(LANDMARKS))),
        world=centred @ axes.T,
        status=np.zeros(frames, np.uint8),
        exchanged=np.zeros((frames, len(LANDMARK_LIMBS)), np.uint8),
        image_size=(size, size),
        network="truth",
        weights_hash="",
    )


def _point(landmark: str) -> str:
    side = landmark[-2:] if landmark.endswith(_SIDES) else ""
    stem = landmark.removesuffix(side)
    point = _POINTS.get(stem, stem)
    return point if point in _MIDDLE else point + side
