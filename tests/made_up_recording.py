"""Made-up people in the layout of OpenCap's LabValidation release, with the quirks of its files.

Subjects and trials bear names of the release, so that one test can run on either. The motion is that of the synthetic
people. The stored torques are inverse dynamics done here with MuJoCo and SciPy, by the steps that OpenSim's tool takes:
low-pass filter, quintic splines, rigid-body dynamics, measured forces on the feet. The OpenSim model of the same
person is written by hand, so that vidzoo's way through OpenSim and MuJoCo's are two ways to the same numbers.

What is wrong in these recordings, on purpose:

- subject4's plates weigh 4 % less than its metadata;
- walking1: the left foot's plate reads nothing in the first 0.1 s; the foot stands beside it;
- STS1: a seat that is on no plate carries a share of the person in the first 0.4 s;
- subject5's DJ1: the angles of the right shoulder flip, as they do near their singular position;
- drop jumps: coordinates and torques are cropped, markers, forces and pictures are not.
"""

from __future__ import annotations

import importlib.util
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from osim_files import Segment, Vector, X, Y, Z, build_model, save_model
from recording_files import write_forces, write_table, write_trc, write_video
from scipy.interpolate import make_interp_spline
from scipy.signal import butter, lfilter, lfiltic
from scipy.spatial.transform import Rotation

from vidzoo.anatomy import COORDINATES, DEPENDENT_COORDINATES, GRAVITY, MARKERS, TRANSLATIONS
from vidzoo.io.data_file import Trial

SEED = 3
"""Of the synthetic people."""
IMAGE_SIZE = 64
RATE_HZ = 100
RECORDED = {
    "subject4": ("walking1", "squats1", "squatsAsym1", "STS1", "DJ1"),
    "subject5": ("DJ1",),
    "subject6": ("walking1",),
}
UNITS = {"subject4": "m", "subject5": "mm", "subject6": "mm"}
FORCE_RATES = {"subject4": 100, "subject5": 200, "subject6": 200}
PLATE_SHARE = 0.96
"""What subject4's plates weigh of the metadata's mass."""
SINGLE_VIDEO = 100
"""Pictures in the video of the camera that has no calibration."""
_FLIGHT = (12, 8)
"""Frames before the first and after the last contact that a drop jump's coordinates and torques keep."""
_FILMED = {("subject4", "squats1"), ("subject6", "walking1")}
_SESSIONS = {"walking1": "Session1"}
_CUTOFF_HZ = {"DJ1": 12.0}
_C = {name: i for i, name in enumerate(COORDINATES)}


@dataclass(frozen=True)
class Recording:
    """One trial as it was recorded."""

    trial: Trial
    coordinates: np.ndarray
    """[F, C] rad, m: as inverse kinematics gave them."""
    grf: np.ndarray
    """[F, 2, 9]: what the plates read."""
    kept: slice
    """The frames of which coordinates and torques were written."""
    torques: np.ndarray
    """[kept, C]: inverse dynamics of coordinates and plates."""


# --- what was measured ----------------------------------------------------------------------------------------------
def _plates(name: str, grf: np.ndarray) -> np.ndarray:
    """Return what the plates read of the ground reactions [F, 2, 9]."""
    grf = grf.copy()
    if name == "walking1":
        grf[:10, 1] = 0
    if name == "STS1":
        seated = np.clip(1 - np.arange(len(grf)) / 40, 0, 1)[:, None, None]
        grf[..., [0, 1, 2, 6, 7, 8]] *= 1 - 0.7 * seated**0.5
    return grf


def _flip_shoulder(coordinates: np.ndarray, frames: slice) -> np.ndarray:
    """Return the coordinates with the right arm where it was, by other angles: Rz(a) Rx(b) Ry(c) has two sets."""
    flipped = coordinates.copy()
    flex, add, rot = (_C[f"arm_{name}_r"] for name in ("flex", "add", "rot"))
    flipped[frames, flex] += np.pi
    flipped[frames, add] = np.pi - flipped[frames, add]
    flipped[frames, rot] += np.pi
    return flipped


def inverse_dynamics(body: Any, time: np.ndarray, coordinates: np.ndarray, grf: np.ndarray, hz: float) -> np.ndarray:
    """Return the generalized forces [F, C] of coordinates [F, C] and ground reactions [F, 2, 9] by MuJoCo and SciPy.

    OpenSim's steps: half the trial, turned about its end points, is added before and after; a Butterworth filter of
    third order goes over it forwards and backwards; quintic splines give the derivatives.
    """
    import mujoco

    from vidzoo.synthetic.body import DOF, INDEPENDENT

    pad = len(time) // 2
    before, after = 2 * coordinates[0] - coordinates[pad:0:-1], 2 * coordinates[-1] - coordinates[-2 : -pad - 2 : -1]
    padded = np.concatenate([before, coordinates, after])
    smooth = _lowpass(_lowpass(padded, hz)[::-1], hz)[::-1]
    grid = (np.arange(len(padded)) - pad) / RATE_HZ + time[0]
    spline = make_interp_spline(grid, smooth, k=5)
    columns, dofs = [_C[name] for name in INDEPENDENT], [DOF[name] for name in INDEPENDENT]
    q, v, a = (spline.derivative(n)(time) if n else spline(time) for n in range(3))
    torques = np.zeros((len(time), len(COORDINATES)))
    model, data = body.model, body.data
    jacobian = np.zeros((6, model.nv))
    for f in range(len(time)):
        for target, values in ((data.qpos, q), (data.qvel, v), (data.qacc, a)):
            target[dofs] = values[f, columns]
        mujoco.mj_inverse(model, data)
        total = data.qfrc_inverse.copy()
        for foot, (force, point, free) in zip(body.feet, grf[f].reshape(2, 3, 3)):
            mujoco.mj_jacBody(model, data, jacobian[:3], jacobian[3:], foot)
            moment = np.cross(point - data.xpos[foot], force) + free
            total -= jacobian[:3].T @ force + jacobian[3:].T @ moment
        torques[f, columns] = total[dofs]
    return torques


def _lowpass(values: np.ndarray, hz: float) -> np.ndarray:
    """Filter the columns of [F, n] once, third-order Butterworth; as in OpenSim, the first three rows stay."""
    b, a = butter(3, hz / (RATE_HZ / 2))
    last = values[2::-1]
    state = np.stack([lfiltic(b, a, column, column) for column in last.T], axis=1)
    return np.concatenate([values[:3], lfilter(b, a, values[3:], axis=0, zi=state)[0]])


def _record(body: Any, subject: str, name: str, trial: Trial) -> Recording:
    coordinates = trial.coordinates
    if (subject, name) == ("subject5", "DJ1"):
        coordinates = _flip_shoulder(coordinates, slice(52, 58))
    assert trial.grf is not None
    grf = _plates(name, trial.grf)
    kept = slice(None)
    if name.startswith("DJ"):
        loaded = np.flatnonzero(grf[..., 1].sum(axis=1))
        kept = slice(loaded[0] - _FLIGHT[0], loaded[-1] + 1 + _FLIGHT[1])
    torques = inverse_dynamics(body, trial.time[kept], coordinates[kept], grf[kept], _CUTOFF_HZ.get(name, 6.0))
    return Recording(trial, coordinates, grf, kept, torques)


# --- what is written ------------------------------------------------------------------------------------------------
def _write_numbers(folder: Path, name: str, recording: Recording) -> None:
    """Write a trial's markers, coordinates, torques and forces."""
    trial, subject = recording.trial, folder.name
    kept, time = recording.kept, trial.time
    markers = trial.markers.copy()
    markers[30:33, MARKERS.index("r_thigh2")] = np.nan
    write_trc(folder / f"MarkerData/Mocap/{name}.trc", time, markers, UNITS[subject])

    in_degrees = np.array([c not in TRANSLATIONS + DEPENDENT_COORDINATES for c in COORDINATES])
    angles = np.where(in_degrees, np.rad2deg(recording.coordinates), recording.coordinates)
    write_table(folder / f"OpenSimData/Mocap/IK/{name}.mot", list(COORDINATES), time[kept], angles[kept], True)
    # OpenSim's tool lists the torques in the order of the model's tree, not of the coordinates.
    order = np.random.default_rng(len(COORDINATES)).permutation(len(COORDINATES))
    names = [f"{COORDINATES[i]}_{'moment' if in_degrees[i] else 'force'}" for i in order]
    write_table(folder / f"OpenSimData/Mocap/ID/{name}.sto", names, time[kept], recording.torques[:, order], False)

    columns = [f"{s}_ground_{q}{a}" for s in "RL" for q in ("force_v", "force_p", "torque_") for a in "xyz"]
    forces, force_time = recording.grf.reshape(len(time), 18), time
    if FORCE_RATES[subject] != RATE_HZ:
        force_time = np.arange(2 * len(time) - 1) / FORCE_RATES[subject]
        forces = _between(time, recording.grf, force_time).reshape(len(force_time), 18)
    if not name.startswith("walking"):
        columns += [c.replace("R_", "3_") for c in columns[:9]]
        forces = np.hstack([forces, np.zeros((len(forces), 9))])
    write_forces(folder / f"ForceData/{name}_forces.mot", columns, force_time, forces)


def _between(time: np.ndarray, grf: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the plates' readings [F, 2, 9] at other times: force and moment about the ground's origin are linear."""
    force, point, free = np.split(grf, 3, axis=-1)
    moment = free + np.cross(point, force)
    force, moment = (
        np.stack([np.interp(at, time, x) for x in part.reshape(len(time), 6).T], axis=1).reshape(len(at), 2, 3)
        for part in (force, moment)
    )
    load = np.where(force[..., 1] > 0, force[..., 1], 1.0)
    point = np.stack([moment[..., 2] / load, 0 * load, -moment[..., 0] / load], axis=-1)
    return np.concatenate([force, point, moment - np.cross(point, force)], axis=-1)


def _write_pictures(folder: Path, name: str, trial: Trial) -> None:
    """Write the calibrated camera CamRender and, beside squats1, a camera of which nothing but its video is known."""
    track = trial.cameras["Cam0"]
    images = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for jpeg in track.jpegs]
    camera = folder / "VideoData" / _SESSIONS.get(name, "Session0") / "CamRender"
    write_video(camera / name / f"{name}.mp4", images)
    calibration = {
        "distortion": np.zeros((1, 5)),
        "intrinsicMat": track.intrinsics,
        "imageSize": np.array([[float(IMAGE_SIZE)], [float(IMAGE_SIZE)]]),
        "rotation": track.rotation,
        "translation": track.translation[:, None] * 1000,
    }
    (camera / "cameraIntrinsicsExtrinsics.pickle").write_bytes(pickle.dumps(calibration))
    text = {key: value.tolist() for key, value in calibration.items()}
    (camera / "cameraIntrinsicsExtrinsics.json").write_text(json.dumps(text))
    if name == "squats1":
        portrait = [cv2.copyMakeBorder(i, 16, 16, 0, 0, cv2.BORDER_CONSTANT) for i in images[:SINGLE_VIDEO]]
        write_video(camera.with_name("CamUnknown") / name / f"{name}_syncdWithMocap.mp4", portrait)


def _write_quality(folder: Path, recordings: dict[str, Recording], weight: float) -> None:
    """Write where the residual force exceeds 15 % of body weight and where a coordinate jumps by over 25 degrees."""
    content = {}
    turns = [name not in TRANSLATIONS for name in COORDINATES]
    for name, recording in recordings.items():
        kept = recording.kept
        time = np.round(recording.trial.time[kept], 4)
        residual = np.linalg.norm(recording.torques[:, [_C[c] for c in TRANSLATIONS]], axis=1)
        edges = np.flatnonzero(np.diff(np.r_[False, residual > 0.15 * weight, False]))
        steps = np.abs(np.diff(recording.coordinates[kept][:, turns], axis=0)).max(axis=1)
        content[name] = {
            "mask_out_intervals_s": [[time[a], time[b - 1]] for a, b in edges.reshape(-1, 2)],
            "coordinate_jumps_over_25deg_per_frame_s": time[1:][np.rad2deg(steps) > 25].tolist(),
        }
    (folder / "quality.json").write_text(json.dumps(content))


def write_release(root: Path) -> None:
    """Write the release of ``RECORDED`` below ``root``; the OpenSim models only where OpenSim is installed."""
    from vidzoo.synthetic import draw_subject, make_trial
    from vidzoo.synthetic.body import build_body

    with_model = importlib.util.find_spec("opensim") is not None
    for index, (subject, names) in enumerate(RECORDED.items()):
        folder, person = root / subject, draw_subject(SEED, index)
        body = build_body(person)
        recordings = {}
        for name in names:
            cameras = int((subject, name) in _FILMED)
            trial = make_trial(SEED, index, name.rstrip("1"), 1, image_size=IMAGE_SIZE, cameras=cameras)
            recordings[name] = _record(body, subject, name, trial)
            _write_numbers(folder, name, recordings[name])
            if cameras:
                _write_pictures(folder, name, trial)
        _write_quality(folder, recordings, person.mass * GRAVITY)
        # A release has static trials too; of this one only the forces were kept.
        time, forces = np.arange(3201) / 1000, np.zeros((3201, 18))
        share = PLATE_SHARE if subject == "subject4" else 1.0
        forces[:, [1, 10]] = share * person.mass * GRAVITY / 2
        columns = [f"{s}_ground_{q}{a}" for s in "RL" for q in ("force_v", "force_p", "torque_") for a in "xyz"]
        write_forces(folder / "ForceData/static1_forces.mot", columns, time, forces)
        (folder / "sessionMetadata.yaml").write_text(
            f"# A made-up person.\nsubjectID: {subject}\nmass_kg: {person.mass}\nheight_m: {person.height}\n"
            f"gender_mf: {person.sex}\ntrials:\n" + "".join(f"  {name}: {{rate_hz: 100}}\n" for name in names)
        )
        if with_model:
            write_model(body, folder / "OpenSimData/Mocap/Model/made_up_scaled.osim")


# --- the same person in OpenSim -------------------------------------------------------------------------------------
_RIGHT = {  # parent and axes of the right side, as OpenSim's full-body gait model has them (Rajagopal et al. 2016)
    "femur": ("pelvis", {"hip_flexion": Z, "hip_adduction": X, "hip_rotation": Y}),
    "tibia": ("femur", {"knee_angle": (0, 0, -1)}),
    "talus": ("tibia", {"ankle_angle": (-0.105, -0.174, 0.979)}),
    "calcn": ("talus", {"subtalar_angle": (0.787, 0.605, -0.121)}),
    "toes": ("calcn", {"mtp_angle": (0.581, 0, -0.814)}),
    "humerus": ("torso", {"arm_flex": Z, "arm_add": X, "arm_rot": Y}),
    "ulna": ("humerus", {"elbow_flex": (0.226, 0.022, 0.974)}),
    "radius": ("ulna", {"pro_sup": (0.056, 0.998, 0.002)}),
}


def write_model(body: Any, path: Path) -> None:
    """Write the person as an .osim file with the markers; needs OpenSim."""
    import opensim

    segments = [
        _segment(body, "pelvis", "ground", dict(zip(COORDINATES[:6], (Z, X, Y, X, Y, Z)))),
        _segment(body, "torso", "pelvis", {"lumbar_extension": Z, "lumbar_bending": X, "lumbar_rotation": Y}),
    ]
    for side, sign in (("r", 1), ("l", -1)):
        for name, (parent, axes) in _RIGHT.items():
            parent = parent if parent in ("pelvis", "torso") else f"{parent}_{side}"
            mirrored = {f"{c}_{side}": (sign * x, sign * y, z) for c, (x, y, z) in axes.items()}
            segments.append(_segment(body, f"{name}_{side}", parent, mirrored))
        # In OpenSim the kneecap follows the knee; its mass is part of the thigh here.
        knee, turns = body.model.body(f"tibia_{side}").pos, {f"knee_angle_{side}_beta": (0.0, 0.0, -1.0)}
        segments.append(Segment(f"patella_{side}", f"femur_{side}", knee, turns, 1e-6, (0, 0, 0), 1e-9 * np.eye(3)))
    model, bodies = build_model(segments)
    for marker, index, offset in zip(MARKERS, body.marker_bodies, body.marker_offsets):
        name = body.model.body(int(index)).name
        model.addMarker(opensim.Marker(marker, bodies[name], opensim.Vec3(*map(float, offset))))
    save_model(model, path)


def _segment(body: Any, name: str, parent: str, axes: dict[str, Vector]) -> Segment:
    """Take a body's place in its parent, mass and inertia from MuJoCo's model."""
    segment = body.model.body(name)
    turn = Rotation.from_quat(np.roll(segment.iquat, -1)).as_matrix()  # MuJoCo puts the real part first
    inertia = turn @ np.diag(segment.inertia) @ turn.T
    return Segment(name, parent, segment.pos, axes, float(segment.mass[0]), segment.ipos, inertia)
