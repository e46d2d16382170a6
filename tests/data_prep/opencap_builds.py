"""Trials built from an OpenCap folder with few words, and ways to spoil such a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np

from vidzoo.anatomy import COORDINATES
from vidzoo.data_prep.opencap import BuildOptions, build_trial, find_videos, read_subject
from vidzoo.io.data_file import CameraTrack, Trial
from vidzoo.io.storage import read_storage, write_storage

C = {name: i for i, name in enumerate(COORDINATES)}


def build(root: Path, trial: str = "walking1", **options) -> Trial:
    chosen = BuildOptions(**{"image_size": 64, **options})
    return build_trial(read_subject(root / "subject1", chosen.mass_source), trial, chosen)[0]


def remarks(root: Path, trial: str = "walking1", **options) -> str:
    chosen = BuildOptions(**{"image_size": 64, **options})
    return "; ".join(build_trial(read_subject(root / "subject1", chosen.mass_source), trial, chosen)[1])


def images(track: CameraTrack) -> list[np.ndarray]:
    return [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE) for jpeg in track.jpegs]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def reverse_columns(path: Path) -> None:
    table = read_storage(path)
    write_storage(path, replace(table, columns=table.columns[::-1], data=table.data[:, ::-1]))


def shorten(path: Path, frames: int) -> None:
    """Keep the first frames of a video."""
    with av.open(str(path)) as source:
        images = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)][:frames]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=60)
        stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def spoil_ik(root: Path) -> None:
    path = root / "subject1/OpenSimData/Mocap/IK/walking1.mot"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def spoil_marker(root: Path) -> None:
    edit(root / "subject1/MarkerData/Mocap/walking1.trc", "\tr_knee\t", "\tr_kneee\t")


def spoil_time(root: Path) -> None:
    for path in (root / "subject1/OpenSimData/Mocap").glob("I?/walking1.*"):
        table = read_storage(path)
        write_storage(path, replace(table, time=table.time + 100))


def drop_torques(root: Path) -> None:
    (root / "subject1/OpenSimData/Mocap/ID/walking1.sto").unlink()


def cut_video(root: Path) -> None:
    for path, _ in find_videos(root / "subject1", "walking1").values():
        path.write_bytes(path.read_bytes()[:1000])


SPOILT = [
    (spoil_ik, r"walking1\.mot.*(cut|rows|numbers)"),
    (spoil_marker, r"walking1\.trc, line 4: has no marker 'r_knee' \(nearest: 'r_kneee'"),
    (spoil_time, r"no time in common: markers 0.00 to \d\.\d+ s, coordinates 100.00 to 10"),
    (drop_torques, r"walking1\.sto: no such file"),
    (cut_video, r"walking1\S*\.(mp4|avi): cannot be decoded"),
]
