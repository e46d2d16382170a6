"""Sets of images with 2D and 3D joints, and data files, to pose files for stage 1."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from rich.progress import track

from vidzoo.anatomy import POSE_JOINTS
from vidzoo.data_prep.crop import crop_image, encode_jpeg, letterbox
from vidzoo.data_prep.pose3d.coco import read_coco
from vidzoo.data_prep.pose3d.data_file import read_data_file
from vidzoo.data_prep.pose3d.human36m import read_human36m
from vidzoo.data_prep.pose3d.mpi_inf_3dhp import read_mpi_inf_3dhp
from vidzoo.data_prep.pose3d.muco import read_muco
from vidzoo.data_prep.pose3d.people import Person
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.atomic import check_output
from vidzoo.io.data_file import DataFile
from vidzoo.io.pose_file import PoseImage, PoseWriter
from vidzoo.io.split_checks import check_split
from vidzoo.io.splits import Split

READERS: dict[str, Callable[[Path, Path, str], Iterator[Person]]] = {
    "human36m": read_human36m,
    "mpi_inf_3dhp": read_mpi_inf_3dhp,
    "muco": read_muco,
    "coco": read_coco,
}
KINDS: tuple[str, ...] = (*READERS, "vid")
TRAIN_ONLY = ("mpi_inf_3dhp", "muco")
"""Sets without a test subset in the same release."""
BOX_SCALE = 1.25
"""PoseNet's crop: the person's box, made square and enlarged by this factor."""
_BATCH = 256


def cut_out(person: Person, size: int) -> PoseImage | None:
    """Read a person's image and cut the person out; None if the box lies outside the image.

    Raises:
        DataError: the image is missing, cannot be decoded, or has another size than annotated.
    """
    if not person.image.is_file():
        raise DataError(f"{person.image}: no such image, which the annotations name; name the images' folder.")
    data = np.fromfile(person.image, dtype=np.uint8)
    # Annotations are of the pixels as stored, before the camera's orientation tag is applied.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(data, flags) if len(data) else None
    if image is None:
        raise DataError(f"{person.image}: cannot be decoded as an image; copy it again.")
    width, height = person.size
    if image.shape[:2] != (height, width):
        raise DataError(
            f"{person.image}: has {image.shape[1]} x {image.shape[0]} pixels, but its annotation says "
            f"{width} x {height}; give the images that were annotated, not resized ones."
        )
    x, y, w, h = person.box
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
    if right - left < 1 or bottom - top < 1:
        return None
    w, h = right - left, bottom - top
    grown = (left - (BOX_SCALE - 1) / 2 * w, top - (BOX_SCALE - 1) / 2 * h, BOX_SCALE * w, BOX_SCALE * h)
    crop = letterbox(person.size, grown)
    jpeg = encode_jpeg(crop_image(image[..., ::-1], crop, size))
    return PoseImage(jpeg, crop, person.pixels, person.joints, person.intrinsics)


def _cut_out_all(people: Iterable[Person], size: int, jobs: int) -> Iterator[PoseImage]:
    """Yield what :func:`cut_out` finds, in order; threads, as OpenCV leaves Python's lock."""
    remaining = iter(people)
    with ThreadPoolExecutor(jobs) as pool:
        while batch := list(islice(remaining, _BATCH)):
            yield from (image for image in pool.map(lambda p: cut_out(p, size), batch) if image is not None)


def prepare_pose3d(
    kind: str,
    annotations: str | Path,
    images: str | Path | None,
    out: str | Path,
    *,
    subset: Literal["train", "test"] = "train",
    split: str | Path | None = None,
    image_size: int = 256,
    every: int = 1,
    jobs: int | None = None,
) -> dict[str, float]:
    """Write a pose file; return the share of images in which each joint has a place, by name, and their number.

    Args:
        kind: one of ``KINDS``.
        annotations: the set's annotation file or folder, or the data file.
        images: the folder of the set's images; None for a data file.
        out: the file to write.
        subset: 'train' or 'test'; a data file's is the split's.
        split: the split manifest; required for a data file, so that no test image enters stage 1.
        image_size: side of the stored images in pixels; a data file's are copied as they are.
        every: take each n-th person of a set, or image of a recording.
        jobs: threads; None: one per core.

    Raises:
        ConfigError: an argument does not fit the kind.
        DataError: the source is missing or broken, gives no image, or is what ``out`` names.
    """
    _check_arguments(kind, subset, every, image_size)
    if Path(out).exists():
        pictures = () if images is None else Path(images).rglob("*")
        check_output(out, annotations, split, *Path(annotations).glob("*.json"), *pictures)
    if kind == "vid":
        if images is not None or split is None:
            raise ConfigError(
                "vid: give the data file, no folder of images, and --split SPLIT.json: test images must not be learnt."
            )
        data, manifest = DataFile(annotations), Split.load(split)
        check_split(manifest, data)
        source: Iterator[PoseImage] = read_data_file(data, manifest, subset, every)
        writer = PoseWriter(out, kind, subset, {"every": every}, data.content_hash, manifest.hash)
    else:
        if images is None or split is not None:
            raise ConfigError(f"{kind}: give annotations and the folder of the images, and no --split.")
        if not Path(images).is_dir():
            raise DataError(f"{images}: no such folder of images.")
        people = islice(READERS[kind](Path(annotations), Path(images), subset), 0, None, every)
        source = _cut_out_all(people, image_size, jobs or os.cpu_count() or 1)
        writer = PoseWriter(out, kind, subset, {"image_size": image_size, "every": every})
    placed = np.zeros(len(POSE_JOINTS))
    with writer:
        for image in track(source, description="images", total=None):
            writer.add(image)
            placed += np.isfinite(image.pixels).all(axis=1)
    return {"images": len(writer), **dict(zip(POSE_JOINTS, placed / len(writer)))}


def _check_arguments(kind: str, subset: str, every: int, image_size: int) -> None:
    if kind not in KINDS:
        raise ConfigError(f"{kind}: no such kind of pose set; choose one of {', '.join(KINDS)}.")
    if kind in TRAIN_ONLY and subset != "train":
        raise ConfigError(f"--subset {subset}: {kind} is a training set alone; test on another set.")
    if every < 1 or image_size < 16:
        raise ConfigError(f"--every {every} must be 1 or more and --image-size {image_size} 16 pixels or more.")
