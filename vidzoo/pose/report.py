"""Write landmarks into a data file, and say what was found and how fast."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from vidzoo.anatomy import LANDMARK_LIMBS
from vidzoo.errors import ConfigError
from vidzoo.evaluation.landmarks import FOUND_FORMAT, FOUND_VERSION
from vidzoo.evaluation.results import write_results
from vidzoo.io.atomic import check_output
from vidzoo.io.data_file import DataFile, LandmarkStatus, LandmarkTrack, add_landmarks
from vidzoo.io.provenance import commit, processor
from vidzoo.pose.data_file import AT_ONCE, Camera, cameras_of, landmarks_of_cameras
from vidzoo.pose.detect import Choice
from vidzoo.pose.networks import PoseNetworks


def write_landmarks(
    path: str | Path,
    output: str | Path | None = None,
    *,
    network: str = "full",
    person: str = "largest",
    box: tuple[float, float, float, float] | None = None,
    cameras: Sequence[str] = (),
    replacing: bool = False,
    device: str = "cpu",
    at_once: int | None = None,
    json_path: Path | None = None,
) -> dict[str, Any]:
    """Find the landmarks of one person in the cameras of a data file, write them and return what was found.

    Args:
        path: of the data file.
        output: the file to write; None: the data file itself, which is replaced when all is there.
        network: 'full' or 'lite'.
        person: which of several people, see :class:`vidzoo.pose.detect.Choice`.
        box: x, y, width, height in px of the stored images, for ``person='box'``.
        cameras: names; empty: all that keep images.
        replacing: landmarks that are there may be replaced.
        device: of torch.
        at_once: cameras that are followed side by side; None: 8.
        json_path: where to write what is returned.

    Raises:
        ConfigError: an argument's value does not fit.
        DataError: the file cannot be read or written, has no such images, or has landmarks already.
    """
    if output is not None:
        check_output(output, path)
    if json_path is not None:
        check_output(json_path, path, output)
    data, choice = DataFile(path), Choice(person, box)
    wanted = cameras_of(data, cameras, replacing)
    networks = _networks(network, device)
    tracks, seconds, cpu_seconds = _find(data, wanted, networks, choice, at_once or AT_ONCE)
    found = {key: _found(track) for key, track in tracks.items()}
    images = sum(row["images"] for row in found.values())
    content = {
        "format": FOUND_FORMAT,
        "version": FOUND_VERSION,
        "commit": commit(),
        "data_file": Path(path).name,
        "data_hash": data.content_hash,
        "kinds": sorted({str(data.trial(*key[:2]).camera_attribute(key[2], "kind")) for key in wanted}),
        "network": networks.name,
        "weights_hash": networks.weights_hash,
        "person": {"rule": choice.rule, "box": choice.box},
        "device": processor() if device == "cpu" else device,
        "at_once": at_once or AT_ONCE,
        "images": images,
        "found": sum(row["found"] for row in found.values()),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "images_per_cpu_second": round(images / cpu_seconds, 1),
        "cameras": [dict(zip(("subject", "trial", "camera"), key)) | row for key, row in found.items()],
    }
    add_landmarks(data, tracks, output)
    if json_path is not None:
        write_results(json_path, content)
    return content


def _networks(network: str, device: str) -> PoseNetworks:
    try:
        return PoseNetworks(network, device)
    except RuntimeError as error:
        raise ConfigError(f"device='{device}' cannot be used ({str(error).splitlines()[0]}).") from None


def _find(
    data: DataFile, cameras: Sequence[Camera], networks: PoseNetworks, choice: Choice, at_once: int
) -> tuple[dict[Camera, LandmarkTrack], float, float]:
    """Return the landmarks of each camera, the time that it took in s, and that of the processor."""
    started = time.perf_counter(), time.process_time()
    with Progress() as progress:
        total = sum(data.trial(subject, trial).num_images(camera) for subject, trial, camera in cameras)
        task = progress.add_task("finding landmarks", total=total)
        tracks = dict(
            landmarks_of_cameras(
                data, cameras, networks, choice, at_once=at_once, advance=lambda done: progress.advance(task, done)
            )
        )
    return tracks, time.perf_counter() - started[0], time.process_time() - started[1]


def _found(track: LandmarkTrack) -> dict[str, Any]:
    """Count the images, those with the person, those without by their reason, and those whose sides were put right."""
    status = {reason.name.lower(): int((track.status == reason).sum()) for reason in LandmarkStatus}
    counts = track.exchanged.sum(axis=0, dtype=np.int64).tolist()
    return {"images": len(track.status), **status, "exchanged": dict(zip(LANDMARK_LIMBS, counts))}
