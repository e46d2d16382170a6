"""Decoding by time stamps, boxes and crops."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vidzoo.anatomy import MARKERS
from vidzoo.data_prep import crop, video
from vidzoo.data_prep.camera import Camera
from vidzoo.errors import DataError

CAMERA = Camera(
    np.array([[200.0, 0, 79.5], [0, 200.0, 119.5], [0, 0, 1]]),
    np.zeros(5),
    np.diag([1.0, -1.0, -1.0]),
    np.array([0.0, 0.9, 3.0]),
    (160, 240),
)


def write_video(path: Path, stamps: list[int], codec: str = "libx264") -> None:
    """Write grey pictures of level 10 k with time stamps in 1/60 s; a brighter patch marks the top left corner."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=60)
        stream.width, stream.height, stream.pix_fmt = 64, 96, "yuv420p"
        for k, stamp in enumerate(stamps):
            image = np.full((96, 64, 3), 10 * k, np.uint8)
            image[:24, :16] = 255
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = stamp
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def frame_times(path: Path) -> np.ndarray:
    return np.array([time for time, _ in video.read_frames(path)])


def test_time_stamps_and_not_the_mean_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, [0, 1, 2, 6, 7, 12])
    frames = list(video.read_frames(path))
    np.testing.assert_allclose([t for t, _ in frames], np.array([0, 1, 2, 6, 7, 12]) / 60, atol=1e-3)
    levels = [int(image[60, 40].mean()) for _, image in frames]
    np.testing.assert_allclose(levels, 10 * np.arange(6), atol=3)
    assert all(image[5, 5].min() > 240 for _, image in frames)


def test_time_starts_at_the_first_picture(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [30, 31, 32])
    np.testing.assert_allclose(frame_times(tmp_path / "a.mp4"), np.arange(3) / 60, atol=1e-3)


def test_avi(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", list(range(10)), codec="mpeg4")
    np.testing.assert_allclose(frame_times(tmp_path / "a.avi"), np.arange(10) / 60, atol=1e-6)


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_a_phones_rotation_is_applied_as_opencv_does(tmp_path: Path, quarter_turns: int) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, [0, 1, 2])
    cos, sin = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarter_turns]
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40  # version 0 of the track header
    fixed = [cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30]
    content[matrix : matrix + 36] = struct.pack(">9i", *fixed)
    path.write_bytes(content)
    capture = cv2.VideoCapture(str(path))
    expected = capture.read()[1][..., ::-1]
    capture.release()
    _, image = next(video.read_frames(path))
    assert image.shape == expected.shape == ((96, 64, 3), (64, 96, 3))[quarter_turns % 2]
    np.testing.assert_allclose(image.astype(int), expected.astype(int), atol=6)


def test_broken_videos(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such video"):
        frame_times(tmp_path / "none.mp4")
    write_video(tmp_path / "a.mp4", list(range(20)))
    content = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="cannot be decoded"):
        frame_times(tmp_path / "cut.mp4")
    (tmp_path / "text.mp4").write_text("no video at all")
    with pytest.raises(DataError, match="cannot be decoded"):
        frame_times(tmp_path / "text.mp4")


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "a.mp4", list(range(20)))
    monkeypatch.setattr(video, "MAX_FRAMES", 10)
    with pytest.raises(DataError, match="more than 10 frames"):
        frame_times(tmp_path / "a.mp4")
    monkeypatch.setattr(video, "MAX_SIDE", 90)
    with pytest.raises(DataError, match="at most 90"):
        frame_times(tmp_path / "a.mp4")


def body(frames: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    markers = rng.uniform([-0.2, 0.0, -0.2], [0.2, 1.3, 0.2], (51, 3))
    markers[MARKERS.index("C7")] = 0, 1.45, 0
    way = np.zeros((frames, 1, 3))
    way[:, 0, 0] = np.linspace(-0.5, 0.5, frames)
    return markers + way


def test_trial_box_holds_every_marker_and_the_head() -> None:
    markers = body(40)
    x, y, width, height = crop.trial_box(CAMERA, markers)
    pixels = CAMERA.project(crop.body_points(markers)).reshape(-1, 2)
    assert width == height
    assert ((pixels >= [x, y]) & (pixels <= [x + width, y + height])).all()
    back = (markers[0, MARKERS.index("r.PSIS")] + markers[0, MARKERS.index("L.PSIS")]) / 2
    neck = markers[0, MARKERS.index("C7")]
    np.testing.assert_allclose(crop.body_points(markers)[0, -1], neck + 0.6 * (neck - back))


def test_frame_boxes_follow_the_body_and_survive_missing_markers() -> None:
    markers = body(60)
    markers[20:25] = np.nan
    markers[30, 7] = np.nan
    time = np.arange(60) / 100
    boxes = crop.frame_boxes(CAMERA, markers, time)
    assert np.isfinite(boxes).all() and (boxes[:, 2] == boxes[:, 3]).all()
    centres = boxes[:, 0] + boxes[:, 2] / 2
    assert (np.diff(centres) >= -1).all() and centres[-1] - centres[0] > 30
    assert boxes[:, 2].max() < 1.1 * crop.trial_box(CAMERA, markers[:1])[2]


def test_frame_boxes_hold_a_body_that_moves_fast() -> None:
    markers = body(60)
    hand = MARKERS.index("R_wrist_ulna")
    markers[:, hand, 1] += 0.8 * (np.arange(60) > 50)  # thrown up at the very end
    boxes = crop.frame_boxes(CAMERA, markers, np.arange(60) / 100)
    pixels = CAMERA.project(crop.body_points(markers))
    assert (pixels >= boxes[:, None, :2]).all() and (pixels <= boxes[:, None, :2] + boxes[:, None, 2:]).all()


@pytest.mark.parametrize("when", [slice(0, 10), slice(50, 60)], ids=["begin", "end"])
@pytest.mark.parametrize("way", [(1.5, 0, 0), (-1.5, 0, 0), (0, 1.5, 0), (0, -1.5, 0)])
def test_frame_boxes_hold_a_hand_that_is_thrown_out(way: tuple[float, float, float], when: slice) -> None:
    """Each of the four edges moves in time; the body is small, so that the hand alone sets the size of the square."""
    markers = body(60) * [1, 0.3, 1]
    markers[when, MARKERS.index("R_wrist_ulna")] = np.median(markers[when], axis=1) + way
    boxes = crop.frame_boxes(CAMERA, markers, np.arange(60) / 100)
    pixels = CAMERA.project(crop.body_points(markers))
    assert boxes[when, 2].min() > 1.15 * boxes[30, 2]
    assert (pixels >= boxes[:, None, :2]).all() and (pixels <= boxes[:, None, :2] + boxes[:, None, 2:]).all()


@pytest.mark.parametrize("place", [(300.0, 0.5, 0.0), (0.0, -2.6, 0.1), (0.0, 0.5, 2.9)])
def test_one_wild_marker_does_not_blow_up_the_box(place: tuple[float, float, float]) -> None:
    markers = body(40)
    tame = crop.trial_box(CAMERA, markers), crop.frame_boxes(CAMERA, markers, np.arange(40) / 100)
    hand = MARKERS.index("R_wrist_ulna")
    markers[:, hand] = markers[:, hand - 1]
    expected = crop.trial_box(CAMERA, markers), crop.frame_boxes(CAMERA, markers, np.arange(40) / 100)
    assert abs(expected[0] - tame[0]).max() < 30
    markers[7, hand] = place
    found = crop.trial_box(CAMERA, markers), crop.frame_boxes(CAMERA, markers, np.arange(40) / 100)
    for box, tame_box in zip(found, expected):
        np.testing.assert_array_equal(box, tame_box)


def test_no_box_is_larger_than_a_few_pictures() -> None:
    near = replace(CAMERA, translation=CAMERA.translation * [1, 1, 0.05])  # a camera among the markers
    markers = body(40)
    for boxes in (crop.trial_box(near, markers), crop.frame_boxes(near, markers, np.arange(40) / 100)):
        assert boxes[..., 2].max() <= crop.MAX_SIDE * max(near.size)


def test_letterbox_never_stretches() -> None:
    np.testing.assert_array_equal(crop.letterbox((360, 640)), [-140, 0, 640, 640])
    np.testing.assert_array_equal(crop.letterbox((360, 640), (10, 20, 200, 100)), [10, -30, 200, 200])


@pytest.mark.parametrize("size", [40, 200])
def test_crop_places_pixels_where_it_says_and_is_black_outside(size: int) -> None:
    image = np.full((100, 80, 3), 100, np.uint8)
    cv2.circle(image, (60, 30), 5, (255, 0, 0), -1)
    box = np.array([20.0, -10, 80, 80])
    cut = crop.crop_image(image, box, size)
    assert cut.shape == (size, size, 3)
    scale = size / 80
    weight = np.clip(cut[..., 0].astype(float) - 110, 0, None)
    ys, xs = np.mgrid[:size, :size]
    centre = (xs * weight).sum() / weight.sum(), (ys * weight).sum() / weight.sum()
    np.testing.assert_allclose(centre, ((60.5 - 20) * scale - 0.5, (30.5 + 10) * scale - 0.5), atol=0.1)
    assert cut[: int(8 * scale)].max() == 0 and cut[:, int(63 * scale) :].max() == 0
    assert crop.crop_image(image, np.array([500.0, 0, 10, 10]), 8).max() == 0


def test_jpeg_is_rgb_and_close() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0] = 200
    decoded = cv2.imdecode(np.frombuffer(crop.encode_jpeg(image), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_allclose(decoded[16, 16], [0, 0, 200], atol=4)
