"""The points of a body between which a person is drawn, over time."""

from __future__ import annotations

import mujoco
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from vidzoo.synthetic.body import DOF, INDEPENDENT, Body

VIDEO_HZ = 60.0


def trace(body: Body, coordinates: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return markers [F, M, 3] and the figure's points {name: [F, 3]}, m, for coordinates [F, C] with ``names``."""
    h, lengths = body.subject.height, body.lengths
    chest = lengths["middle_trunk"] + lengths["upper_trunk"]
    half_shoulder = lengths["shoulder_width"] / 2
    places: dict[str, tuple[str, tuple[float, float, float]]] = {
        "pelvis": ("pelvis", (-0.037 * h, -0.02 * h, 0)),
        "waist": ("torso", (0.014 * h, 0.02 * h, 0)),
        "neck": ("torso", (0.0, chest * 0.97, 0)),
        "skull": ("torso", (0.012 * h, chest + 0.58 * lengths["head"], 0)),
        "hair": ("torso", (-0.004 * h, chest + 0.70 * lengths["head"], 0)),
        "top": ("torso", (0.012 * h, chest + lengths["head"], 0)),
        "nose": ("torso", (0.066 * h, chest + 0.50 * lengths["head"], 0)),
    }
    for side, sign in (("r", 1), ("l", -1)):
        tip = body.sole["toe"]
        places |= {
            f"eye_{side}": ("torso", (0.058 * h, chest + 0.62 * lengths["head"], sign * 0.018 * h)),
            f"flank_{side}": ("pelvis", (-0.037 * h, -0.025 * h, sign * 0.040 * h)),
            f"chest_{side}": ("torso", (0.004 * h, chest * 0.66, sign * half_shoulder * 0.52)),
            f"front_high_{side}": ("torso", (0.074 * h, chest * 0.74, sign * half_shoulder * 0.45)),
            f"front_low_{side}": ("torso", (0.076 * h, chest * 0.42, sign * half_shoulder * 0.40)),
            f"hip_{side}": (f"femur_{side}", (0, 0, 0)),
            f"knee_{side}": (f"tibia_{side}", (0, 0, 0)),
            f"ankle_{side}": (f"talus_{side}", (0, 0, 0)),
            f"heel_{side}": (f"calcn_{side}", (0.004 * h, 0.006 * h, 0)),
            f"ball_{side}": (f"calcn_{side}", (body.sole["ball"][0], 0.003 * h, 0)),
            f"toe_{side}": (f"toes_{side}", (tip[0] - body.sole["ball"][0] - 0.012 * h, 0.0, 0)),
            f"shoulder_{side}": (f"humerus_{side}", (0, -0.006 * h, 0)),
            f"sleeve_{side}": (f"humerus_{side}", (0, -0.55 * lengths["upper_arm"], 0)),
            f"elbow_{side}": (f"ulna_{side}", (0, 0, 0)),
            f"wrist_{side}": (f"radius_{side}", (0, -lengths["forearm"], 0)),
            f"hand_{side}": (f"radius_{side}", (0, -lengths["forearm"] - lengths["hand"], 0)),
        }
    bodies = np.array([body.body_id(name) for name, _ in places.values()])
    offsets = np.array([offset for _, offset in places.values()])
    columns = [names.index(c) for c in INDEPENDENT]
    dofs = [DOF[c] for c in INDEPENDENT]
    markers = np.zeros((len(coordinates), len(body.marker_bodies), 3))
    points = np.zeros((len(coordinates), len(bodies), 3))
    for i, row in enumerate(coordinates):
        body.data.qpos[dofs] = row[columns]
        mujoco.mj_kinematics(body.model, body.data)
        markers[i] = body.markers()
        points[i] = body.data.xpos[bodies] + np.einsum("pij,pj->pi", body.data.xmat[bodies].reshape(-1, 3, 3), offsets)
    return markers, dict(zip(places, points.transpose(1, 0, 2)))


_HEAD = ("skull", "hair", "top", "nose", "eye_r", "eye_l")


def lift_head(points: dict[str, np.ndarray], share: float) -> dict[str, np.ndarray]:
    """Return the figure's points [F, 3] with the head turned about the neck by a share of the trunk's lean, upwards."""
    trunk = points["neck"] - points["waist"]
    axis = np.cross(trunk, [0.0, 1.0, 0.0])
    length = np.linalg.norm(axis, axis=1, keepdims=True)
    lean = np.arctan2(length, trunk[:, 1:2])
    turn = Rotation.from_rotvec(share * lean * axis / np.maximum(length, 1e-9))
    return points | {name: points["neck"] + turn.apply(points[name] - points["neck"]) for name in _HEAD}


def at_video_times(
    time: np.ndarray, points: dict[str, np.ndarray], rate_hz: float = VIDEO_HZ
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return a video's times, [V] s, and the points there, [V, 3] m, for points [F, 3] at times [F].

    The first image is taken at the first time.
    """
    duration = time[-1] - time[0]
    video = time[0] + np.arange(int(np.floor(duration * rate_hz + 1e-9)) + 1) / rate_hz
    return video, {name: CubicSpline(time, track)(video) for name, track in points.items()}
