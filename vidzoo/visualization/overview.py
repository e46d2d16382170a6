"""One picture of what a model does: an image of a held-out trial with the person's pose, beside the legs' torques."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure

from vidzoo.anatomy import BENCHMARK_JOINTS, MARKERS, POSE_JOINTS
from vidzoo.data_prep.pose3d.data_file import is_calibrated
from vidzoo.data_prep.pose3d.joints import MARKERS as JOINTS_OF_MARKERS
from vidzoo.data_prep.pose3d.joints import to_pose_joints
from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile, TrialReader
from vidzoo.io.predictions import Predictions
from vidzoo.io.splits import Split
from vidzoo.visualization.marker_overlay import project_to_crop
from vidzoo.visualization.torque_curves import draw_curves, recording_curves

_BONES = (
    ("Thorax", "Pelvis"), ("R_Shoulder", "L_Shoulder"), ("R_Hip", "L_Hip"),
    *((f"{side}_{a}", f"{side}_{b}") for side in "RL" for a, b in (
        ("Shoulder", "Elbow"), ("Elbow", "Wrist"), ("Shoulder", "Hip"), ("Hip", "Knee"), ("Knee", "Ankle"),
        ("Ankle", "Toe"))),
)  # fmt: skip
_COLOURS = {"R": "#d55e00", "L": "#0072b2"}
_LEG = ("hip_flexion", "knee_angle", "ankle_angle")


def plot_overview(predictions: Predictions, data: DataFile, split: Split, subject: str, trial: str) -> Figure:
    """Draw one test recording: its image at the largest knee torque with the measured pose, and the legs' torques.

    The pose is that of the trial's markers, projected by the camera's calibration; right is orange, left blue.

    Raises:
        DataError: as :func:`recording_curves`; or no camera of the trial is calibrated, or its image is broken.
    """
    curves = recording_curves(predictions, data, split, subject, trial)
    knees = [BENCHMARK_JOINTS.index(f"knee_angle_{side}") for side in "rl"]
    shown = int(np.abs(np.nan_to_num(curves.true[:, knees])).max(axis=1).argmax())
    reader = data.trial(subject, trial)
    image, pose = _image_with_pose(reader, int(curves.frame[shown]))
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=(3.1, 7.9))  # Matplotlib's annotation also allows a single one
    picture, panels = halves
    axis = picture.subplots()
    axis.imshow(image, interpolation="lanczos")
    for first, second in _BONES:
        ends = pose[[POSE_JOINTS.index(first), POSE_JOINTS.index(second)]]
        axis.plot(*ends.T, color=_COLOURS.get(second[0] if second[1] == "_" else "", "0.95"), lw=2.2)
    axis.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    axis.axis("off")
    axes = panels.subplots(2, len(_LEG), sharex=True, sharey="col")
    for row, side in enumerate("rl"):
        for axis, joint in zip(axes[row], _LEG):
            index = BENCHMARK_JOINTS.index(f"{joint}_{side}")
            draw_curves(axis, curves, index)
            axis.axvline(curves.time[shown], color="0.6", lw=0.8, ls=":")
            axis.set_title(f"{joint}_{side}", fontsize=9)
            axis.tick_params(labelsize=8)
    picture.legend(handles=curves.legend(axes[0, 0]), loc="lower center", fontsize=8.5, frameon=False)
    panels.supxlabel("time (s); dotted: the image's", fontsize=9)
    panels.supylabel("torque (N·m/kg)", fontsize=9)
    figure.suptitle(curves.title, fontsize=10)
    return figure


def _image_with_pose(trial: TrialReader, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the image [H, W, 3] RGB that a frame shows and its pose joints [J, 2] in that image's pixels."""
    for camera in trial.cameras:
        if not is_calibrated(trial, camera) or not trial.has_images(camera):
            continue
        calibration = {n: trial.camera_attribute(camera, n) for n in ("intrinsics", "rotation", "translation")}
        shown = int(trial.camera_array(camera, "video_index")[frame])
        start, stop = trial.camera_array(camera, "jpeg_offsets")[shown : shown + 2]
        image = cv2.imdecode(trial.jpeg(camera, int(start), int(stop)), cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(
                f"{trial.place}/{camera}: image {shown} is no JPEG that can be decoded; build the file again."
            )
        joints = to_pose_joints(trial.array("markers", np.array([frame]))[0], MARKERS, JOINTS_OF_MARKERS)
        crop = trial.camera_array(camera, "crop")[shown]
        pixels = project_to_crop(joints, **calibration, crop=crop, size=image.shape[1::-1])
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), pixels
    raise DataError(
        f"{trial.place}: no camera is calibrated to the markers' frame, so that no pose can be drawn "
        f"into its images; leave --overview out."
    )
