"""Tiny annotation files in each set's own layout, of people whose joints are drawn into the pictures.

A person stands 4 m before the camera and faces it, so that the right side is on the picture's left. Every joint has a
place of its own; that of the right wrist is a red disc, that of the left one a green one.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

SIZE = (200, 160)
FOCAL, CENTRE = (220.0, 210.0), (101.0, 82.0)
STANDING: dict[str, tuple[float, float, float]] = {
    "Head_top": (0, -0.75, 0), "Head": (0, -0.65, -0.02), "Neck": (0, -0.5, 0.03), "Torso": (0, -0.2, 0.05),
    "Nose": (0, -0.62, -0.1), "Pelvis": (0, 0, 0), "Hip": (0.12, 0.01, 0), "Knee": (0.14, 0.42, -0.05),
    "Ankle": (0.15, 0.82, 0.02), "Toe": (0.18, 0.85, -0.15), "Shoulder": (0.18, -0.45, 0.02),
    "Elbow": (0.35, -0.2, 0.06), "Wrist": (0.5, -0.05, -0.12), "Hand": (0.55, 0.02, -0.15),
    "Eye": (0.03, -0.66, -0.09), "Ear": (0.07, -0.65, 0.0),
}  # fmt: skip
"""m in the camera's axes (x right, y down, z forward), relative to the pelvis; x of the left side."""
ALIASES = {"Thorax": "Neck", "Spine": "Torso"}


def place(name: str, at: tuple[float, float, float] = (0, 0, 4.0)) -> np.ndarray:
    """Return a joint's place [3] m in the camera's frame, left and right a little unlike."""
    side, _, part = name.rpartition("_") if name[:2] in ("R_", "L_") else ("", "", name)
    x, y, z = STANDING[ALIASES.get(part, part)]
    if side == "R":
        x, y, z = -1.1 * x, y + 0.03, z + 0.02
    return np.array([x, y, z]) + at


def pixel(joint: np.ndarray) -> np.ndarray:
    """Return where the camera sees a joint, by the textbook's formula."""
    return np.array([FOCAL[0] * joint[0] / joint[2] + CENTRE[0], FOCAL[1] * joint[1] / joint[2] + CENTRE[1]])


def body(names: tuple[str, ...], at: tuple[float, float, float] = (0, 0, 4.0)) -> np.ndarray:
    """Return the places [S, 3] m of joints ``names``."""
    return np.array([place(name, at) for name in names])


def box(points: np.ndarray) -> list[float]:
    """Return x, y, width, height around the pixels of points [S, 3] m, a fifth larger, as 3DMPPE's files have it."""
    pixels = np.array([pixel(p) for p in points])
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    size = (high - low - 1) * 1.2
    return [*((low + high - size) / 2).tolist(), *size.tolist()]


def draw(path: Path, *people: tuple[float, float, float]) -> None:
    """Write a picture of people at the given places."""
    image = np.full((SIZE[1], SIZE[0], 3), 100, np.uint8)
    for at in people or ((0, 0, 4.0),):
        for name, colour in (("R_Wrist", (0, 0, 255)), ("L_Wrist", (0, 255, 0))):  # BGR
            x, y = np.round(pixel(place(name, at))).astype(int).tolist()
            cv2.circle(image, (x, y), 2, colour, -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


ROTATION = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])
"""From the world to the camera."""
SHIFT = np.array([300.0, -200.0, 1500.0])
"""mm: x_camera = ROTATION x + SHIFT."""


def world(points: np.ndarray) -> list[list[float]]:
    """Return camera points [S, 3] m in mm of the world's frame."""
    return ((points * 1000 - SHIFT) @ ROTATION).tolist()


def write_human36m(root: Path, as_place: bool = False, subjects: tuple[int, ...] = (1, 9)) -> tuple[Path, Path]:
    """Write two frames of each subject; ``as_place``: the camera's t is where it stands, as in older files."""
    names = ("Pelvis", "R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Torso", "Neck", "Nose", "Head_top",
             "L_Shoulder", "L_Elbow", "L_Wrist", "R_Shoulder", "R_Elbow", "R_Wrist")  # fmt: skip
    for subject in subjects:
        images, annotations, frames = [], [], {}
        for frame in (0, 1):
            at = (0.02 * frame, 0, 4.0 + 0.1 * subject)
            file = f"s_{subject:02}_act_02_subact_01_ca_03/s_{subject:02}_act_02_subact_01_ca_03_{frame + 1:06}.jpg"
            draw(root / "images" / file, at)
            common = {"subject": subject, "action_name": "Directions", "action_idx": 2, "subaction_idx": 1}
            images.append({"id": 7 + frame, "file_name": file, "width": SIZE[0], "height": SIZE[1], **common,
                           "cam_idx": 3, "frame_idx": frame})  # fmt: skip
            points = body(names, at)
            annotations.append({"id": frame, "image_id": 7 + frame, "keypoints_vis": [True] * 17, "bbox": box(points)})
            frames[str(frame)] = world(points)
        translation = -ROTATION.T @ SHIFT if as_place else SHIFT
        camera = {"R": ROTATION.tolist(), "t": translation.tolist(), "f": FOCAL, "c": CENTRE}
        stem = root / "annotations" / f"Human36M_subject{subject}"
        _write(stem.with_name(stem.name + "_data.json"), {"images": images, "annotations": annotations})
        _write(stem.with_name(stem.name + "_camera.json"), {"3": camera})
        _write(stem.with_name(stem.name + "_joint_3d.json"), {"2": {"1": frames}})
    return root / "annotations", root / "images"


def write_mpi_inf_3dhp(root: Path) -> tuple[Path, Path]:
    """Write one frame of S2, Seq1, camera 5."""
    names = ("Head_top", "Neck", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist", "R_Hip",
             "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Pelvis", "Torso", "Head")  # fmt: skip
    draw(root / "images_1k/S2/Seq1/imageSequence/img_5_000033.jpg")
    image = {"id": 0, "file_name": "img_5_000033.jpg", "width": SIZE[0], "height": SIZE[1], "subject_idx": 2,
             "seq_idx": 1, "cam_idx": 5, "frame_idx": 33}  # fmt: skip
    points = body(names)
    camera = {"R": ROTATION.tolist(), "t": SHIFT.tolist(), "focal": FOCAL, "princpt": CENTRE}
    annotation = {"id": 0, "image_id": 0, "bbox": box(points)}
    _write(root / "MPI-INF-3DHP_1k.json", {"images": [image], "annotations": [annotation]})
    _write(root / "MPI-INF-3DHP_camera_1k.json", {"2": {"1": {"5": camera}}})
    _write(root / "MPI-INF-3DHP_joint_3d.json", {"2": {"1": {"33": world(points)}}})
    return root, root / "images_1k"


MUCO_PEOPLE = ((-0.9, 0, 5.0), (0.9, 0, 4.5), (0.7, 0, 5.5), (-0.8, 0, 3.5))
"""The second and the third stand in each other's way, and so do the first and the last, who is the nearest of all."""


def write_muco(root: Path, people: tuple[tuple[float, float, float], ...] = MUCO_PEOPLE) -> tuple[Path, Path]:
    """Write one picture of several people."""
    names = ("Head_top", "Thorax", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist", "R_Hip",
             "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Pelvis", "Spine", "Head", "R_Hand", "L_Hand", "R_Toe",
             "L_Toe")  # fmt: skip
    draw(root / "augmented_set/000/1.jpg", *people)
    image = {"id": 11, "file_name": "augmented_set/000/1.jpg", "width": SIZE[0], "height": SIZE[1], "f": FOCAL,
             "c": CENTRE}  # fmt: skip
    annotations = []
    for number, at in enumerate(people):
        points = body(names, at)
        annotations.append({"id": number, "image_id": 11, "bbox": box(points),
                            "keypoints_img": [pixel(p).tolist() for p in points],
                            "keypoints_cam": (1000 * points).tolist(),
                            "keypoints_vis": [j % 2 for j in range(21)]})  # fmt: skip
    _write(root / "MuCo-3DHP.json", {"images": [image], "annotations": annotations})
    return root / "MuCo-3DHP.json", root


def write_coco(root: Path) -> tuple[Path, Path]:
    """Write one picture with a person whose left knee is not labelled, a crowd, and a person without keypoints."""
    names = ("Nose", "L_Eye", "R_Eye", "L_Ear", "R_Ear", "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist",
             "R_Wrist", "L_Hip", "R_Hip", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle")  # fmt: skip
    draw(root / "train2017/000000000009.jpg")
    image = {"id": 9, "file_name": "000000000009.jpg", "width": SIZE[0], "height": SIZE[1]}
    keypoints = []
    for number, name in enumerate(names):
        labelled = name != "L_Knee"
        keypoints += [*(pixel(place(name)).tolist() if labelled else (0, 0)), (1 + number % 2) * labelled]
    person = {"id": 1, "image_id": 9, "iscrowd": 0, "num_keypoints": 16, "keypoints": keypoints,
              "bbox": box(body(names))}  # fmt: skip
    annotations = [person, person | {"id": 2, "iscrowd": 1}, person | {"id": 3, "num_keypoints": 0}]
    _write(root / "person_keypoints_train2017.json", {"images": [image], "annotations": annotations})
    return root / "person_keypoints_train2017.json", root / "train2017"
