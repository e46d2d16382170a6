"""Decode videos by their time stamps, because frame counts and mean rates of containers are unreliable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from vidzoo.errors import DataError

MAX_FRAMES = 200_000
MAX_SIDE = 4096
"""The largest width or height that is decoded, pixels."""


def _decoded(path: Path) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield (time since the first picture in s, frame) in the order of showing."""
    if not path.is_file():
        raise DataError(f"{path}: no such video.")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DataError(f"{path}: holds no video; expected an .mp4 or .avi of the trial.")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            if max(stream.width, stream.height) > MAX_SIDE:
                raise DataError(f"{path}: {stream.width} x {stream.height} pixels; at most {MAX_SIDE} are decoded.")
            first = previous = None
            for number, frame in enumerate(container.decode(stream)):
                if number >= MAX_FRAMES:
                    raise DataError(f"{path}: more than {MAX_FRAMES:,} frames; cut it to the trial.")
                if frame.time is None:
                    raise DataError(f"{path}: frame {number} has no time stamp; convert it to .mp4 with one per frame.")
                first = frame.time if first is None else first
                if previous is not None and frame.time <= previous:
                    continue  # a repeated time stamp
                previous = frame.time
                yield frame.time - first, frame
            if first is None:
                raise DataError(f"{path}: holds no picture that can be decoded.")
    except av.FFmpegError as error:
        raise DataError(f"{path}: cannot be decoded ({error.strerror}); copy it again.") from None


def read_frames(path: str | Path) -> Iterator[tuple[float, np.ndarray]]:
    """Yield (time in s counted from the first picture, uint8 RGB [H, W, 3]) of a video, upright.

    A phone's rotation mark is applied, as OpenCap does before it calibrates.

    Raises:
        DataError: the video is missing, broken, empty, or beyond the bounds of this module.
    """
    for time, frame in _decoded(Path(path)):
        turns = round(frame.rotation / 90) % 4
        image = frame.to_ndarray(format="rgb24")
        yield time, np.ascontiguousarray(np.rot90(image, turns)) if turns else image
