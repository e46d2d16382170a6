"""Drawing a data file's motion as made-up people: what stays, what is seen, and that a stopped run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra 'synthetic'")

from vidzoo.anatomy import COORDINATES, LANDMARKS, MARKERS
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import DataFile, DataFileWriter, LandmarkTrack, Trial
from vidzoo.synthetic import draw, make_trial
from vidzoo.synthetic.body import build_body
from vidzoo.synthetic.camera import Camera
from vidzoo.synthetic.draw import DrawOptions, draw_data_file
from vidzoo.synthetic.figure import trace
from vidzoo.synthetic.proportions import recorded_body
from vidzoo.synthetic.segments import Subject

_POSE = ("rotation", "translation")
SMALL = DrawOptions(people=2, cameras=2, image_size=96, fps=12)


def shorten(trial: Trial, frames: int) -> Trial:
    """Return every third frame of a trial's first ``frames``, without pictures."""
    arrays = {name: value[:frames:3] for name, value in vars(trial).items() if isinstance(value, np.ndarray)}
    return replace(trial, **arrays, rate_hz=trial.rate_hz / 3, cameras={})


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> DataFile:
    """A squat of one person, as if measured, and a walk of another one."""
    path = tmp_path_factory.mktemp("draw") / "motion.h5"
    with DataFileWriter(path, {}) as writer:
        writer.add(replace(shorten(make_trial(3, 0, "squats", 1, 32), 210), motion="real"))
        writer.add(shorten(make_trial(3, 1, "walking", 1, 32), 120))
    return DataFile(path)


@pytest.fixture(scope="module")
def drawn(motion: DataFile) -> DataFile:
    path = motion.path.with_name("drawn.h5")
    draw_data_file(motion.path, path, SMALL, jobs=1)
    return DataFile(path)


def images(data: DataFile, subject: str, trial: str, camera: str) -> np.ndarray:
    """Return a camera's images, int [V, s, s, 3]."""
    reader = data.trial(subject, trial)
    offsets = reader.camera_array(camera, "jpeg_offsets")
    blobs = [reader.jpeg(camera, int(a), int(b)) for a, b in pairwise(offsets)]
    return np.stack([cv2.imdecode(blob, cv2.IMREAD_COLOR) for blob in blobs]).astype(int)


def test_everything_but_the_cameras_stays(motion: DataFile, drawn: DataFile) -> None:
    drawn.verify()
    assert drawn.trial_keys() == motion.trial_keys()
    for subject, trial in motion.trial_keys():
        before, after = motion.trial(subject, trial), drawn.trial(subject, trial)
        assert after.cameras == ("Person0Cam0", "Person0Cam1", "Person1Cam0", "Person1Cam1")
        for name in ("time", "markers", "coordinates", "torques", "validity", "foot_jacobians", "inertial_torques"):
            np.testing.assert_array_equal(after.array(name), before.array(name))
        assert (after.action, after.mass_kg, after.motion) == (before.action, before.mass_kg, before.motion)
    kinds = {t.trial: {t.camera_attribute(c, "kind") for c in t.cameras} for t in drawn}
    assert kinds == {"squats1": {"rendered"}, "walking1": {"synthetic"}}


def test_each_frame_shows_the_nearest_picture(drawn: DataFile) -> None:
    for trial in drawn:
        time, video = trial.array("time"), trial.camera_array("Person1Cam0", "video_time")
        np.testing.assert_allclose(np.diff(video), 1 / 12)
        shown = video[trial.camera_array("Person1Cam0", "video_index")]
        np.testing.assert_allclose(np.abs(shown - time), np.abs(video[:, None] - time).min(axis=0))
        assert video[0] == time[0] and time[-1] - video[-1] < 1 / 12


def test_pictures_show_the_recorded_posture_where_the_cameras_say(drawn: DataFile) -> None:
    trial = drawn.trial("subject1", "squats1")
    markers, time = trial.array("markers").astype(float), trial.array("time")
    places = []
    for name in trial.cameras:
        rotation, translation = (trial.camera_attribute(name, key) for key in ("rotation", "translation"))
        camera = Camera(trial.camera_attribute(name, "intrinsics"), rotation, translation)
        places.append(-rotation.T @ translation)
        seen = images(drawn, "subject1", "squats1", name)
        # What differs from the first picture covers the neck, where it is in either of the two, and no corner.
        deep = int(markers[:, MARKERS.index("C7"), 1].argmin())
        picture = int(trial.camera_array(name, "video_index")[deep])
        deep = int(np.abs(time - trial.camera_array(name, "video_time")[picture]).argmin())
        moved = np.abs(seen[picture] - seen[0]).sum(axis=2) > 45
        for frame in (0, deep):
            x, y = camera.project(markers[frame, MARKERS.index("C7")])[0].round().astype(int)
            assert moved[y - 2 : y + 3, x - 2 : x + 3].mean() > 0.3
        assert not moved[:8, :8].any() and not moved[:8, -8:].any()
    places = np.array(places)
    assert (places[:, 1] >= 0.8).all() and (places[:, 1] <= 2.0).all()
    assert np.linalg.norm(places[:, None] - places, axis=-1)[np.triu_indices(4, 1)].min() > 0.1


def test_a_stopped_run_goes_on_and_ends_with_the_same_file(
    motion: DataFile, drawn: DataFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = motion.path.with_name("stopped.h5")
    parts = out.with_name("stopped.h5.parts")
    done = []

    def draw_two(*arguments: object) -> object:
        done.append(arguments[0])
        if len(done) == 3:
            raise KeyboardInterrupt
        return draw_trial(*arguments)

    draw_trial = draw.draw_trial
    monkeypatch.setattr(draw, "draw_trial", draw_two)
    with pytest.raises(KeyboardInterrupt):
        draw_data_file(motion.path, out, SMALL, jobs=1)
    kept = {path.name: path.stat().st_mtime_ns for path in parts.glob("*.h5")}
    assert len(kept) == 2 and not out.exists()
    with pytest.raises(ConfigError, match="part of another drawing; remove the folder"):
        draw_data_file(motion.path, out, replace(SMALL, seed=1), jobs=1)
    assert {path.name: path.stat().st_mtime_ns for path in parts.glob("*.h5")} == kept
    draw_data_file(motion.path, out, SMALL, jobs=1)
    assert len(done) == 5 and not parts.exists()
    assert DataFile(out).content_hash == drawn.content_hash


def test_seeds_people_and_cameras_differ(motion: DataFile, drawn: DataFile) -> None:
    out = motion.path.with_name("other.h5")
    draw_data_file(motion.path, out, replace(SMALL, people=1, subjects=("subject1",), seed=5), jobs=1)
    other = DataFile(out)
    assert other.trial_keys() == [("subject1", "squats1")]
    pictures = [images(drawn, "subject1", "squats1", f"Person{p}Cam{c}") for p in (0, 1) for c in (0, 1)]
    pictures += [images(other, "subject1", "squats1", "Person0Cam0")]
    for i, one in enumerate(pictures):
        for two in pictures[:i]:
            assert np.abs(one - two).mean() > 10


class CountingEyes:
    """Eyes that see how red the images are, and in which order they come."""

    def __call__(self, films: list[Iterator[np.ndarray]], time: np.ndarray) -> list[LandmarkTrack]:
        return [self.see(film) for film in films]

    def see(self, film: Iterator[np.ndarray]) -> LandmarkTrack:
        red = np.array([image[..., 0].mean() for image in film])
        v = len(red)
        pixels = np.broadcast_to(red[:, None, None], (v, 33, 2))
        world = np.broadcast_to(np.arange(v)[:, None, None], (v, 33, 3))
        found = np.zeros(v, np.uint8)
        return LandmarkTrack(
            pixels=pixels, visibility=np.ones((v, 33)), world=world, status=found, exchanged=np.zeros((v, 4), np.uint8),
            image_size=(96, 96), network="counting", weights_hash="0",
        )  # fmt: skip


def test_landmarks_take_the_place_of_pictures(motion: DataFile, drawn: DataFile) -> None:
    out = motion.path.with_name("seen.h5")
    draw_data_file(motion.path, out, SMALL, jobs=2, make_eyes=CountingEyes)
    seen = DataFile(out)
    seen.verify()
    for trial in seen:
        for camera in trial.cameras:
            red = images(drawn, trial.subject, trial.trial, camera)[..., 2].mean(axis=(1, 2))
            np.testing.assert_allclose(trial.landmarks(camera).pixels[:, 7, 1], red, rtol=0.01)
            np.testing.assert_array_equal(trial.landmarks(camera).world[:, 0, 2], np.arange(len(red)))
    assert out.stat().st_size < drawn.path.stat().st_size


def test_perfect_eyes_see_the_joint_centres_in_the_cameras_axes(motion: DataFile, drawn: DataFile) -> None:
    out = motion.path.with_name("truth.h5")
    draw_data_file(motion.path, out, replace(SMALL, truth=True, fps=33), jobs=1)
    trial = DataFile(out).trial("subject1", "squats1")
    markers = trial.array("markers").astype(float)
    for camera in trial.cameras:
        rotation, translation = (drawn.trial("subject1", "squats1").camera_attribute(camera, k) for k in _POSE)
        np.testing.assert_array_equal(trial.camera_attribute(camera, "rotation"), rotation)
        seen, shown = trial.landmarks(camera), trial.camera_array(camera, "video_index")
        at = {name: seen.world[shown][:, LANDMARKS.index(name)] for name in ("wrist_r", "ankle_l", "hip_r", "hip_l")}
        np.testing.assert_allclose(at["hip_r"], -at["hip_l"], atol=2e-3)
        # Farther right in the picture, lower, farther away: as the markers say of the same camera.
        wrist = markers[:, [MARKERS.index("R_wrist_radius"), MARKERS.index("R_wrist_ulna")]].mean(axis=1)
        true = (wrist - markers[:, MARKERS.index("L_ankle")]) @ rotation.T
        found = at["wrist_r"] - at["ankle_l"]
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(true, axis=1), atol=0.08)
        np.testing.assert_allclose(found[:, 0], true[:, 0], atol=0.08)
        np.testing.assert_allclose(found[:, 1], markers[:, MARKERS.index("L_ankle"), 1] - wrist[:, 1], atol=0.08)
        pixels = Camera(trial.camera_attribute(camera, "intrinsics"), rotation, translation).project(wrist)[0]
        np.testing.assert_allclose(seen.pixels[shown][:, LANDMARKS.index("wrist_r")], pixels, atol=3)


def test_what_cannot_be_drawn_is_refused_in_one_sentence(motion: DataFile, tmp_path: Path) -> None:
    for options, wrong in (
        (DrawOptions(subjects=("subject9",)), "holds no trial of subject9; it has the subjects subject1, subject2"),
        (DrawOptions(actions=("squats",), subjects=("subject2",)), "holds no trial of subject2, squats"),
    ):
        with pytest.raises(DataError, match=wrong):
            draw_data_file(motion.path, tmp_path / "out.h5", options, jobs=1)
    for options, wrong in (
        (DrawOptions(people=0), "--people is 0"),
        (DrawOptions(actions=("running",)), "--actions running: there is no such action"),
    ):
        with pytest.raises(ConfigError, match=wrong):
            draw_data_file(motion.path, tmp_path / "out.h5", options, jobs=1)
    with pytest.raises(DataError, match="is also an input"):
        draw_data_file(motion.path, motion.path, SMALL, jobs=1)
    assert not list(tmp_path.iterdir())
    blind = replace(shorten(make_trial(3, 1, "walking", 1, 32), 60))
    blind.coordinates[:] = np.nan
    with DataFileWriter(tmp_path / "blind.h5", {}) as writer:
        writer.add(blind)
    with pytest.raises(DataError, match="subject2/walking1 has no coordinates, without which it cannot be drawn"):
        draw_data_file(tmp_path / "blind.h5", tmp_path / "out.h5", SMALL, jobs=1)


def test_a_body_gets_the_proportions_of_the_recorded_person() -> None:
    """The recorded person is a woman of other lengths than the man of the same height that the fit begins with."""
    person = build_body(Subject("someone", 60.0, 1.70, "f", marker_seed=4))
    lengths = {"femur": 1.08, "tibia": 1.08, "talus": 0.95, "ulna": 1.06, "humerus": 1.05}
    for name, factor in lengths.items():
        for side in "rl":
            person.model.body_pos[person.body_id(f"{name}_{side}")] *= factor
    trial = make_trial(3, 0, "squats", 1, 32)
    coordinates = trial.coordinates[::4]
    markers, points = trace(person, coordinates, COORDINATES)
    markers[5:9, MARKERS.index("r_knee")] = np.nan
    found = recorded_body(1.70, "m", [(coordinates, markers)])
    again, joints = trace(found, coordinates, COORDINATES)
    before = trace(build_body(Subject("x", 60.0, 1.70, "m")), coordinates, COORDINATES)[1]
    assert np.nanmean(np.linalg.norm(again - markers, axis=2)) < 0.004
    for joint, within in (("hip", 0.01), ("knee", 0.015), ("ankle", 0.02), ("elbow", 0.035)):
        missed, at_first = (
            np.linalg.norm(p[f"{joint}_r"] - points[f"{joint}_r"], axis=1).mean() for p in (joints, before)
        )
        assert missed < within and missed < at_first, joint
