"""Draw the torques of unlabelled videos: curves over time, and knee torque against the knee angle of motion capture.

    python projects/made_up_people/clips.py clips --checkpoint work_dirs/made_up/people23_full_seed0 \
        --measured data/measured_truth.h5 --out docs/images/clips.png

``clips`` holds NAME/video.mp4 and NAME/sample_mocap.json.gz (places of the bodies, 100 Hz). The black dots are the
torques and angles that were measured on subject4. No image of a person is drawn.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import matplotlib
import numpy as np
import torch

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, LANDMARKS
from vidzoo.apis import find_config
from vidzoo.apis.model_index import build_model, load_into
from vidzoo.data_prep.video import read_frames
from vidzoo.engine.checkpoint import find_checkpoint
from vidzoo.io.atomic import atomic_path
from vidzoo.io.data_file import DataFile

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HEIGHT_M = 1.75
"""Of people whose height is not known."""
ACTIONS = {"walk": "walking", "walk_ts": "walkingTS", "STS": "STS"}
SHOWN = ("hip_flexion_r", "knee_angle_r", "ankle_angle_r", "knee_angle_l")


def knee_flexion(hip: np.ndarray, knee: np.ndarray, ankle: np.ndarray) -> np.ndarray:
    """Return the angle between thigh and shank, degrees, 0 when straight, of places [F, 3]."""
    thigh, shank = hip - knee, ankle - knee
    cos = (thigh * shank).sum(-1) / np.linalg.norm(thigh, axis=-1) / np.linalg.norm(shank, axis=-1)
    return 180 - np.degrees(np.arccos(cos.clip(-1, 1)))


def mocap_knee(path: Path, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Return times [F] s and knee flexion [F], degrees, of a clip's motion capture."""
    content = json.loads(gzip.decompress(path.read_bytes()))
    places = (np.array(content["bodies"][f"{name}_{side}"]["translation"]) for name in ("femur", "tibia", "talus"))
    return np.array(content["time"]), knee_flexion(*places)


def landmarks_of(video: Path, cache: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return times [V] s and world landmarks [V, 33, 3] of a video; a cache folder keeps them."""
    kept = cache / f"clip_{video.parent.name}.npz" if cache else None
    if kept is not None and kept.is_file():
        with np.load(kept) as arrays:
            return arrays["t"], arrays["world"]
    from vidzoo.pose import PoseNetworks, landmarks_of_video

    time, track = landmarks_of_video(read_frames(video), PoseNetworks("full"))
    if kept is not None:
        np.savez(kept, t=time, world=track.world)
    return time, track.world


def torques_of(model: torch.nn.Module, time: np.ndarray, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return times [F] s at 100 Hz and torques [F, Q] N·m/kg."""
    grid = np.arange(time[0], time[-1], 0.01)
    flat = world.reshape(len(world), -1)
    known = np.isfinite(flat).all(axis=1)
    clip = np.stack([np.interp(grid, time[known], column[known]) for column in flat.T], axis=1).reshape(-1, 33, 3)
    before = model.task.target_index
    clip = np.pad(clip, ((before, model.task.window - 1 - before), (0, 0), (0, 0)), mode="edge")
    inputs = {
        "landmarks_world": torch.tensor(clip[None], dtype=torch.float32),
        "height": torch.tensor([HEIGHT_M]),
    }
    with torch.inference_mode():
        return grid, model.estimate(inputs, torch.ones(1))[0].numpy()


def measured(data: Path, action: str) -> tuple[np.ndarray, np.ndarray]:
    """Return subject4's right knee flexion, degrees, and knee torque, N·m/kg, in frames with a good label."""
    column, angles, torques = COORDINATES.index("knee_angle_r"), [], []
    for trial in DataFile(data):
        if (trial.subject, trial.action) != ("subject4", action):
            continue
        camera = next(name for name in trial.cameras if trial.has_landmarks(name))
        world = trial.landmarks(camera).world[trial.camera_array(camera, "video_index")]
        good = trial.array("validity")[:, column] == 0
        angles.append(knee_flexion(*(world[good, LANDMARKS.index(f"{j}_r")] for j in ("hip", "knee", "ankle"))))
        torques.append(trial.array("torques")[good, column] / trial.mass_kg)
    return np.concatenate(angles), np.concatenate(torques)


def main() -> None:
    """Read the arguments and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--checkpoint", required=True, help="checkpoint or work dir of a landmarknet_made_up")
    parser.add_argument("--measured", type=Path, required=True, help="data file of 'vidzoo draw --landmarks truth'")
    parser.add_argument("--cache", type=Path, help="folder that keeps the landmarks of the videos")
    parser.add_argument("--out", type=Path, required=True, metavar="PNG")
    args = parser.parse_args()
    model = build_model(find_config("landmarknet_made_up"))
    load_into(model, find_checkpoint(args.checkpoint))
    model.eval()
    figure, axes = plt.subplots(2, len(ACTIONS), figsize=(12, 7))
    for column, (name, action) in enumerate(ACTIONS.items()):
        time, torques = torques_of(model, *landmarks_of(args.clips / name / "video.mp4", args.cache))
        for joint in SHOWN:
            axes[0, column].plot(time, torques[:, BENCHMARK_JOINTS.index(joint)], label=joint, linewidth=1)
        axes[0, column].set(title=f"{name}: from the real video, unlabelled", xlabel="s", ylabel="N·m/kg")
        lower, upper = axes[1, column], {}
        lower.plot(*measured(args.measured, action), "k.", markersize=2, alpha=0.4, label="subject4, measured")
        for side in "rl":
            moments, flexion = mocap_knee(args.clips / name / "sample_mocap.json.gz", side)
            inside = (time >= moments[0]) & (time <= moments[-1])
            angle = np.interp(time[inside], moments, flexion)
            upper[side] = angle, torques[inside, BENCHMARK_JOINTS.index(f"knee_angle_{side}")]
            label = f"this person, {'right' if side == 'r' else 'left'} knee, estimated"
            lower.plot(*upper[side], ".", markersize=3, label=label)
        lower.set(xlabel="knee flexion by motion capture, degrees", ylabel="knee torque, N·m/kg")
        lower.legend(fontsize=7)
    axes[0, 0].legend(fontsize=7)
    figure.tight_layout()
    with atomic_path(args.out) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


if __name__ == "__main__":
    main()
