"""What a data file holds: names, shapes, types and units."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from vidzoo.anatomy import COORDINATES, LANDMARK_LIMBS, LANDMARKS, MARKERS

FORMAT = "vid"
VERSION = 2
READABLE = (1, 2)
"""Versions that are read; version 1 has another content hash."""
LABELS_OF = "labels_of"
"""The root's attribute, in a file of labels alone, that names the data file which they were taken from."""
MAX_FRAMES_PER_TRIAL = 1_000_000

M, C = len(MARKERS), len(COORDINATES)
UNITS = {
    "time": "s",
    "markers": "m",
    "marker_velocities": "m/s",
    "coordinates": "rad; pelvis_t[xyz]: m",
    "coordinate_velocities": "rad/s; pelvis_t[xyz]: m/s",
    "torques": "N·m; pelvis_t[xyz]: N",
    "inertial_torques": "N·m; pelvis_t[xyz]: N",
    "foot_jacobians": "1 and m: rotation rows, then translation rows",
    "physics_wrenches": "moment N·m about the calcaneus origin, force N",
    "grf": "force N, centre of pressure m, free moment N·m",
}


class Reason(IntEnum):
    """Why a torque label is not to be trusted; 0 where it is."""

    GOOD = 0
    RESIDUAL = 1
    """The pelvis residual force exceeds 15 % of body weight: forces and motion do not belong together here."""
    COORDINATE_JUMP = 2
    """A coordinate jumps (shoulder gimbal): what lies above it in the chain is spoilt, legs are not."""
    MISSING_MARKERS = 3
    """Too many markers are missing to trust the motion."""
    OFF_PLATE = 4
    """A foot or the seat pushes on something that is no force plate."""
    NOT_FINITE = 5
    """The source holds no number here."""


class LandmarkStatus(IntEnum):
    """Why an image has no landmarks; 0 where it has."""

    FOUND = 0
    NO_PERSON = 1
    """The detector sees no person, or none where the person is to be looked for."""
    LOST = 2
    """The detector sees a person, the landmark network none in the region that the detector names."""


@dataclass
class LandmarkTrack:
    """The landmarks of one person in V images, by a pose network."""

    pixels: np.ndarray
    """[V, 33, 2] x, y in pixels of the image, pixel centres at integers; NaN where the person was not found."""
    visibility: np.ndarray
    """[V, 33] 0-1: how likely each is seen and not hidden; NaN where the person was not found."""
    world: np.ndarray
    """[V, 33, 3] m from the middle of the hips; x to the right in the image, y down, z away from the camera; NaN where
    the person was not found."""
    status: np.ndarray
    """[V] uint8, see :class:`LandmarkStatus`."""
    exchanged: np.ndarray
    """[V, 4] uint8: 1 where the network had exchanged left and right of a part of the body
    (``anatomy.LANDMARK_LIMBS``) and it was put right."""
    image_size: tuple[int, int]
    """Width, height in pixels of the images that ``pixels`` is of."""
    network: str
    """Which network found them, such as 'blazepose_full'."""
    weights_hash: str
    """SHA-256 of the network's weights."""
    settings: str = "{}"
    """JSON: how the person was chosen and followed."""


@dataclass
class CameraTrack:
    """The images of one camera for one trial, or their landmarks, or both: V images for F grid frames."""

    jpegs: list[bytes]
    """V JPEG images; empty where the landmarks are kept instead of them."""
    video_time: np.ndarray
    """[V] s on the mocap clock."""
    video_index: np.ndarray
    """[F] int32: the image that each grid frame shows."""
    crop: np.ndarray
    """[V, 4] x, y, width, height in pixels of the source video."""
    kind: str
    """'real', 'rendered' (real motion, drawn figure) or 'synthetic' (made-up motion, drawn figure)."""
    source_size: tuple[int, int]
    """Width, height of the source video in pixels."""
    intrinsics: np.ndarray | None = None
    """[3, 3] of the source video, OpenCV convention, pixel centres at integers."""
    rotation: np.ndarray | None = None
    """[3, 3] with x_camera = rotation @ x_ground + translation; OpenCV axes (x right, y down, z forward)."""
    translation: np.ndarray | None = None
    """[3] m."""
    landmarks: LandmarkTrack | None = None


@dataclass
class Trial:
    """One recording of one person, on one time grid: F frames, M markers, C coordinates."""

    subject: str
    trial: str
    action: str
    """One of anatomy.ACTION_FAMILIES."""
    rate_hz: float
    mass_kg: float
    """The mass that torques are divided by."""
    mass_source: str
    """'metadata', 'force_plate' or 'synthetic': where mass_kg comes from."""
    height_m: float
    sex: str
    """'f', 'm' or '' where unknown."""
    motion: str
    """'real' or 'synthetic'."""
    time: np.ndarray
    markers: np.ndarray
    marker_velocities: np.ndarray
    coordinates: np.ndarray
    coordinate_velocities: np.ndarray
    torques: np.ndarray
    validity: np.ndarray
    inertial_torques: np.ndarray | None = None
    foot_jacobians: np.ndarray | None = None
    physics_wrenches: np.ndarray | None = None
    grf: np.ndarray | None = None
    mass_metadata_kg: float = float("nan")
    mass_force_plate_kg: float = float("nan")
    source_name: str = ""
    """The trial's name in its source, where ``trial`` is another."""
    cameras: dict[str, CameraTrack] = field(default_factory=dict)


ARRAYS: dict[str, tuple[tuple[int, ...], str]] = {
    "time": ((), "float64"),
    "markers": ((M, 3), "float32"),
    "marker_velocities": ((M, 3), "float32"),
    "coordinates": ((C,), "float32"),
    "coordinate_velocities": ((C,), "float32"),
    "torques": ((C,), "float32"),
    "validity": ((C,), "uint8"),
    "inertial_torques": ((C,), "float32"),
    "foot_jacobians": ((2, 6, C), "float32"),
    "physics_wrenches": ((2, 6), "float32"),
    "grf": ((2, 9), "float32"),
}
OPTIONAL = ("inertial_torques", "foot_jacobians", "physics_wrenches", "grf")
TRIAL_NUMBERS = ("rate_hz", "mass_kg", "height_m", "mass_metadata_kg", "mass_force_plate_kg")
TRIAL_TEXTS = ("action", "mass_source", "sex", "motion", "source_name")
LANDMARKS_GROUP = "landmarks"
LANDMARK_ARRAYS: dict[str, tuple[tuple[int, ...], str]] = {
    "pixels": ((len(LANDMARKS), 2), "float16"),
    "visibility": ((len(LANDMARKS),), "float16"),
    "world": ((len(LANDMARKS), 3), "float16"),
    "status": ((), "uint8"),
    "exchanged": ((len(LANDMARK_LIMBS),), "uint8"),
}
LANDMARK_TEXTS = ("network", "weights_hash", "settings")
CAMERA_ARRAYS = {"jpeg_blob": "uint8", "jpeg_offsets": "int64", "video_time": "float64", "video_index": "int32",
                  "crop": "float32"}  # fmt: skip
