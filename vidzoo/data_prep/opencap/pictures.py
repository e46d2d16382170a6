"""Cut the pictures that a video shows during a trial, and put them on the trial's times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from vidzoo.arrays import nearest_index
from vidzoo.data_prep import crop
from vidzoo.data_prep.camera import MIN_SHARE_IN_PICTURE, Camera, read_camera
from vidzoo.data_prep.opencap.options import BuildOptions
from vidzoo.data_prep.signal import SAME_TIME
from vidzoo.data_prep.video import read_frames
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import CameraTrack

REACH = 0.05
"""Pictures this long before and after the labels are read too, so that the nearest one is always among them, s."""
UNSYNCHRONISED_EXCESS = 0.5
"""A video that lasts longer than the markers by more than this is an original that was not synchronised, s."""
MIN_VIDEO_SHARE = 0.5
"""A trial is left out where a video shows a smaller share of its frames."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """A camera's pictures during a trial, cropped and encoded; V pictures."""

    time: np.ndarray
    """[V] s."""
    boxes: np.ndarray
    """[V, 4] x, y, width, height of what was cut out, source pixels."""
    jpegs: list[bytes]
    source_size: tuple[int, int]
    """Width, height of the video, pixels."""
    camera: Camera | None
    """None where the calibration cannot be used."""
    intrinsics: np.ndarray | None
    remark: str
    """What the report says about them."""

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last time at which one of the pictures is shown, s."""
        half = np.median(np.diff(self.time)) / 2 if len(self.time) > 1 else 0.0
        return self.time[0] - half - SAME_TIME, self.time[-1] + half + SAME_TIME

    def at(self, grid: np.ndarray, kind: str) -> CameraTrack:
        """Return the track that shows at each time of ``grid``, [F] s, the nearest picture; others are dropped."""
        used, index = np.unique(nearest_index(self.time, grid), return_inverse=True)
        return CameraTrack(
            jpegs=[self.jpegs[i] for i in used],
            video_time=self.time[used],
            video_index=index.astype(np.int32),
            crop=self.boxes[used],
            kind=kind,
            source_size=self.source_size,
            intrinsics=self.intrinsics,
            rotation=self.camera.rotation if self.camera else None,
            translation=self.camera.translation if self.camera else None,
        )


def read_pictures(
    video: Path,
    calibration: Path,
    time: np.ndarray,
    markers: np.ndarray,
    last_marker_time: float,
    options: BuildOptions,
) -> Pictures:
    """Decode, crop and encode the pictures that a video shows during the times ``time`` [F] of ``markers`` [F, M, 3].

    A video's first picture is at time 0 of the markers' clock, which is what ``_syncdWithMocap`` means.

    Raises:
        DataError: the video cannot be decoded, is not synchronised with the markers, or shows less than half of the
            frames.
        ConfigError: the stated box is far larger than the picture.
    """
    camera, intrinsics, remark = _usable_calibration(calibration, markers)
    frames = _frames_during(video, time, last_marker_time)
    first = next(frames, None)
    if first is None:
        raise DataError(f"{video}: shows nothing between {time[0]:.2f} and {time[-1]:.2f} s, where the labels are.")
    size = (first[1].shape[1], first[1].shape[0])
    if camera is not None and camera.size != size:
        remark = f"calibrated for {camera.size[0]} x {camera.size[1]} pixels, not {size[0]} x {size[1]}"
        camera = intrinsics = None
    boxes_on_grid = _boxes(video, camera, markers, time, size, options)
    times: list[float] = []
    boxes: list[np.ndarray] = []
    jpegs: list[bytes] = []
    for at, image in chain([first], frames):
        box = boxes_on_grid[nearest_index(time, np.array([at]))[0]]
        times.append(at)
        boxes.append(box)
        jpegs.append(crop.encode_jpeg(crop.crop_image(image, box, options.image_size)))
    if camera is None:
        remark += "; stated box" if options.box else "; full frame"
    if not _is_synchronised(video):
        remark = "; ".join(filter(None, (remark, "not named _syncdWithMocap, taken to start with the markers' time 0")))
    pictures = Pictures(np.array(times), np.array(boxes), jpegs, size, camera, intrinsics, remark)
    start, stop = pictures.span
    if ((time >= start) & (time <= stop)).mean() < MIN_VIDEO_SHARE:
        raise DataError(
            f"{video}: the video is shorter than the mocap: it shows {times[0]:.2f} to {times[-1]:.2f} s of "
            f"{time[0]:.2f} to {time[-1]:.2f} s; copy it again or leave its camera out with --camera."
        )
    return pictures


def _is_synchronised(video: Path) -> bool:
    return video.stem.endswith("_syncdWithMocap")


def _frames_during(video: Path, time: np.ndarray, last_marker_time: float) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the video's times and pictures from the first to the last of the times, and ``REACH`` beyond.

    Raises:
        DataError: the video cannot be decoded or is not synchronised with the markers.
    """
    for at, image in read_frames(video):
        if at > time[-1] + REACH:
            if _is_synchronised(video):
                return
            if at > last_marker_time + UNSYNCHRONISED_EXCESS:
                raise DataError(
                    f"{video}: lasts longer than the markers, which end at {last_marker_time:.2f} s, so it is not "
                    f"synchronised with them; expected {video.parent.name}_syncdWithMocap{video.suffix} beside it."
                )
        elif at >= time[0] - REACH:
            yield at, image


def _usable_calibration(path: Path, markers: np.ndarray) -> tuple[Camera | None, np.ndarray | None, str]:
    """Return the camera if it sees the markers where they are, its intrinsics in any case, and what to remark.

    The release's calibrations place the camera in the frame of a checkerboard whose place in the laboratory is
    unknown. With such a calibration the markers appear outside the picture, and none is guessed instead.
    """
    if not path.is_file():
        return None, None, "no calibration"
    try:
        camera = read_camera(path)
    except DataError as error:
        return None, None, str(error)
    share = camera.share_in_picture(markers[:: max(len(markers) // 50, 1)])
    if share < MIN_SHARE_IN_PICTURE:
        return None, camera.intrinsics, f"not calibrated to the markers' frame ({share:.0%} of them in the picture)"
    return camera, camera.intrinsics, ""


def _boxes(
    video: Path,
    camera: Camera | None,
    markers: np.ndarray,
    time: np.ndarray,
    size: tuple[int, int],
    options: BuildOptions,
) -> np.ndarray:
    """Return what to cut out at each time, [F, 4]."""
    if camera is not None and options.crop == "frame":
        return crop.frame_boxes(camera, markers, time)
    box = crop.trial_box(camera, markers) if camera is not None else _stated_box(video, size, options.box)
    return np.tile(box, (len(time), 1))


def _stated_box(video: Path, size: tuple[int, int], stated: tuple[float, float, float, float] | None) -> np.ndarray:
    """Return the square around the stated box, or around the whole picture."""
    x, y, width, height = stated or (0, 0, *size)
    if max(width, height) > crop.MAX_SIDE * max(size):
        raise ConfigError(
            f"{video}: the box {x:g},{y:g},{width:g},{height:g} is more than {crop.MAX_SIDE} times as large as its "
            f"{size[0]} x {size[1]} pixels; name a smaller one with --box."
        )
    if x >= size[0] or y >= size[1] or x + width <= 0 or y + height <= 0:
        raise DataError(f"{video}: the box {x:g},{y:g},{width:g},{height:g} is outside its {size[0]} x {size[1]}.")
    return crop.letterbox(size, stated)
