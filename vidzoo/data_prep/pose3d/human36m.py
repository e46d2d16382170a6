"""Human3.6M in the JSON of 3DMPPE PoseNet: ``Human36M_subject*_data.json``, ``_camera.json``, ``_joint_3d.json``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vidzoo.data_prep.pose3d.joints import HUMAN36M, HUMAN36M_JOINTS, to_pose_joints
from vidzoo.data_prep.pose3d.people import (
    Person,
    WorldCamera,
    box_of,
    expecting,
    image_size,
    numbers,
    pinhole,
    read_json,
)
from vidzoo.errors import DataError
from vidzoo.geometry import project

SUBJECTS = {"train": (1, 5, 6, 7, 8), "test": (9, 11)}
"""Protocol 2."""
LAYOUT = (
    "images (id, file_name, width, height, subject, action_idx, subaction_idx, cam_idx, frame_idx) and annotations "
    "(image_id, bbox), cameras as {cam_idx: {R, t, f, c}} and joints as {action_idx: {subaction_idx: {frame_idx: "
    "[17, 3]}}}"
)


def read_human36m(annotations: Path, images: Path, subset: str) -> Iterator[Person]:
    """Yield the people of a subset's subjects, as far as their files are present.

    Args:
        annotations: the folder of the JSON files.
        images: the folder that ``file_name`` starts in.
        subset: 'train' (subjects 1, 5, 6, 7, 8) or 'test' (9, 11).

    Raises:
        DataError: no subject's file is present, or a file is not laid out as expected.
    """
    found = [s for s in SUBJECTS[subset] if (annotations / f"Human36M_subject{s}_data.json").is_file()]
    if not found:
        raise DataError(
            f"{annotations}: holds no Human36M_subject*_data.json of the {subset} subjects "
            f"{', '.join(map(str, SUBJECTS[subset]))}; name the folder of the annotation files."
        )
    for subject in found:
        paths = {
            part: annotations / f"Human36M_subject{subject}_{part}.json" for part in ("data", "camera", "joint_3d")
        }
        data, cameras, joints = (read_json(path) for path in paths.values())
        with expecting(paths["data"], LAYOUT):
            by_id = {image["id"]: image for image in data["images"]}
            known: dict[str, WorldCamera] = {}
            for annotation in data["annotations"]:
                image = by_id[annotation["image_id"]]
                sequence = joints[str(image["action_idx"])][str(image["subaction_idx"])]
                world = numbers(sequence[str(image["frame_idx"])], len(HUMAN36M_JOINTS), 3)
                name, box = str(image["cam_idx"]), box_of(annotation)
                if name not in known:
                    c = cameras[name]
                    known[name] = WorldCamera(
                        numbers(c["R"], 3, 3), numbers(c["t"], 3), pinhole(c["f"], c["c"]), world, box
                    )
                camera = known[name]
                posed = to_pose_joints(camera.to_camera(world), HUMAN36M_JOINTS, HUMAN36M)
                pixels = project(posed, camera.intrinsics)
                path = images / str(image["file_name"])
                yield Person(path, image_size(image), box, pixels, posed, camera.intrinsics)
