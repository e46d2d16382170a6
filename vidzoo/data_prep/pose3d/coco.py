"""COCO's 2D keypoints (``person_keypoints_*.json``): places in the picture, no depth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vidzoo.anatomy import POSE_JOINTS
from vidzoo.data_prep.pose3d.joints import COCO, COCO_JOINTS, to_pose_joints
from vidzoo.data_prep.pose3d.people import Person, box_of, expecting, image_size, numbers, read_json

LAYOUT = (
    "images (id, file_name, width, height) and annotations (image_id, bbox, iscrowd, num_keypoints, keypoints [51])"
)


def read_coco(annotations: Path, images: Path, subset: str) -> Iterator[Person]:
    """Yield every person with a keypoint; leave crowds out.

    Args:
        annotations: the JSON file.
        images: the folder of the images.
        subset: what the file is used for: train2017 is for 'train', val2017 for 'test'.

    Raises:
        DataError: the file is missing or not laid out as expected.
    """
    data = read_json(annotations)
    with expecting(annotations, LAYOUT):
        by_id = {image["id"]: image for image in data["images"]}
        for annotation in data["annotations"]:
            if annotation["iscrowd"] or not annotation["num_keypoints"]:
                continue
            image = by_id[annotation["image_id"]]
            keypoints = numbers(annotation["keypoints"], 3 * len(COCO_JOINTS)).reshape(-1, 3)
            labelled = np.where(keypoints[:, 2:] > 0, keypoints[:, :2], np.nan)
            yield Person(
                images / str(image["file_name"]),
                image_size(image),
                box_of(annotation),
                to_pose_joints(labelled, COCO_JOINTS, COCO),
                np.full((len(POSE_JOINTS), 3), np.nan),
                np.full((3, 3), np.nan),
            )
