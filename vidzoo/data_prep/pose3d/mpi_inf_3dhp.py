"""MPI-INF-3DHP's training set in the JSON of the same authors' later releases (``MPI-INF-3DHP_1k.json`` and others)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vidzoo.data_prep.pose3d.joints import MPI_INF_3DHP, MPI_INF_3DHP_JOINTS, to_pose_joints
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
from vidzoo.geometry import project

LAYOUT = (
    "images (id, file_name, width, height, subject_idx, seq_idx, cam_idx, frame_idx) and annotations (image_id, bbox), "
    "cameras as {subject: {sequence: {camera: {R, t, focal, princpt}}}} and joints as {subject: {sequence: {frame: "
    "[17, 3]}}}"
)


def read_mpi_inf_3dhp(annotations: Path, images: Path, subset: str) -> Iterator[Person]:
    """Yield the people of the training set.

    Args:
        annotations: the folder of the three JSON files.
        images: the folder that holds S1/Seq1/imageSequence, ...: ``images_1k``.
        subset: 'train'; the set's test subset is another release.

    Raises:
        DataError: a file is missing or not laid out as expected.
    """
    path = annotations / "MPI-INF-3DHP_1k.json"
    data, cameras, joints = (
        read_json(annotations / f"MPI-INF-3DHP_{part}.json") for part in ("1k", "camera_1k", "joint_3d")
    )
    with expecting(path, LAYOUT):
        by_id = {image["id"]: image for image in data["images"]}
        known: dict[tuple[str, str, str], WorldCamera] = {}
        for annotation in data["annotations"]:
            image = by_id[annotation["image_id"]]
            subject, sequence, name = (str(image[key]) for key in ("subject_idx", "seq_idx", "cam_idx"))
            world = numbers(joints[subject][sequence][str(image["frame_idx"])], len(MPI_INF_3DHP_JOINTS), 3)
            box = box_of(annotation)
            if (subject, sequence, name) not in known:
                c = cameras[subject][sequence][name]
                known[subject, sequence, name] = WorldCamera(
                    numbers(c["R"], 3, 3), numbers(c["t"], 3), pinhole(c["focal"], c["princpt"]), world, box
                )
            camera = known[subject, sequence, name]
            posed = to_pose_joints(camera.to_camera(world), MPI_INF_3DHP_JOINTS, MPI_INF_3DHP)
            pixels = project(posed, camera.intrinsics)
            place = images / f"S{subject}" / f"Seq{sequence}" / "imageSequence" / str(image["file_name"])
            yield Person(place, image_size(image), box, pixels, posed, camera.intrinsics)
