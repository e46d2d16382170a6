"""MuCo-3DHP, people of MPI-INF-3DHP composited into one image, in the JSON of 3DMPPE PoseNet (``MuCo-3DHP.json``)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np

from vidzoo.anatomy import POSE_ROOT
from vidzoo.data_prep.pose3d.joints import MUCO, MUCO_JOINTS, to_pose_joints
from vidzoo.data_prep.pose3d.people import MM, Person, box_of, expecting, image_size, numbers, pinhole, read_json

LAYOUT = (
    "images (id, file_name, width, height, f, c) and annotations (image_id, bbox, keypoints_img [21, 2], "
    "keypoints_cam [21, 3])"
)
NEAR = 0.5
"""If the pelvises of two people are nearer than this across the line of sight, one hides the other, m."""


def read_muco(annotations: Path, images: Path, subset: str) -> Iterator[Person]:
    """Yield of each image the nearest person and everyone who is not near another, as PoseNet selects them.

    Joints that ``keypoints_vis`` marks as hidden are kept, as in PoseNet, because their places are known.

    Args:
        annotations: ``MuCo-3DHP.json``.
        images: the folder that holds augmented_set and unaugmented_set.
        subset: 'train'; the set has no other.

    Raises:
        DataError: the file is missing or not laid out as expected.
    """
    data = read_json(annotations)
    with expecting(annotations, LAYOUT):
        people: dict[int, list[dict]] = {image["id"]: [] for image in data["images"]}
        for annotation in data["annotations"]:
            people[annotation["image_id"]].append(annotation)
        for image in data["images"]:
            group = people[image["id"]]
            joints = [numbers(a["keypoints_cam"], len(MUCO_JOINTS), 3) * MM for a in group]
            for index in clear_people(np.array([j[MUCO_JOINTS.index(POSE_ROOT)] for j in joints])):
                pixels = numbers(group[index]["keypoints_img"], len(MUCO_JOINTS), 2)
                yield Person(
                    images / str(image["file_name"]),
                    image_size(image),
                    box_of(group[index]),
                    to_pose_joints(pixels, MUCO_JOINTS, MUCO),
                    to_pose_joints(joints[index], MUCO_JOINTS, MUCO),
                    pinhole(image["f"], image["c"]),
                )


def clear_people(roots: np.ndarray) -> list[int]:
    """Return which of the pelvises [n, 3] m belong to the nearest person and to those at least ``NEAR`` from others."""
    crowded = set()
    for i, j in combinations(range(len(roots)), 2):
        if np.linalg.norm((roots[i] - roots[j])[:2]) < NEAR:
            crowded |= {i, j}
    nearest = int(np.argmin(roots[:, 2])) if len(roots) else -1
    return [i for i in range(len(roots)) if i == nearest or i not in crowded]
