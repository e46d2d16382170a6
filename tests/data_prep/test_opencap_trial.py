"""A built trial holds the right times, columns and pictures; a source that is short or spoilt is named."""

from __future__ import annotations

import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from opencap_builds import SPOILT, C, build, images, remarks, reverse_columns, shorten
from scipy.signal import savgol_filter

from vidzoo.anatomy import COORDINATES, MARKERS
from vidzoo.data_prep.opencap import find_videos
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import Reason, Trial
from vidzoo.io.storage import read_storage, write_storage


@pytest.fixture(scope="module")
def squats(opencap_root: Path) -> Trial:
    return build(opencap_root, "squats1")


def test_torques_and_coordinates_by_name_whatever_the_column_order(squats: Trial) -> None:
    time = np.arange(351) / 100
    np.testing.assert_allclose(squats.time, time)
    phase = 2 * np.pi * time[:, None] + np.arange(len(COORDINATES))
    torques = 10 * np.cos(phase)
    torques[:, :6] = 0
    np.testing.assert_allclose(squats.torques, torques, atol=1e-9)  # never smoothed
    np.testing.assert_allclose(squats.coordinates, 0.1 * np.sin(phase), atol=2e-4)
    np.testing.assert_allclose(squats.coordinates, savgol_filter(0.1 * np.sin(phase), 11, 3, axis=0), atol=1e-9)
    np.testing.assert_allclose(squats.coordinate_velocities[1:-1], (0.2 * np.pi * np.cos(phase))[1:-1], atol=5e-3)


def test_markers_in_metres_with_velocities(squats: Trial) -> None:
    neck = squats.markers[:, MARKERS.index("C7")]
    np.testing.assert_allclose(neck[:, 0], 0.1 * np.sin(2 * np.pi * squats.time), atol=2e-4)
    speed = squats.marker_velocities[:, MARKERS.index("C7"), 0]
    np.testing.assert_allclose(speed[5:-5], 0.2 * np.pi * np.cos(2 * np.pi * squats.time[5:-5]), atol=5e-3)


def test_forces_masses_and_labels(squats: Trial) -> None:
    assert squats.grf is not None
    expected = 30 * 9.80665 * (1 + 0.1 * np.sin(4 * np.pi * squats.time))
    np.testing.assert_allclose(squats.grf[:, :, 1], expected[:, None].repeat(2, axis=1))
    assert (squats.mass_kg, squats.mass_source, squats.mass_metadata_kg) == (62.0, "metadata", 62.0)
    assert squats.mass_force_plate_kg == pytest.approx(60.0, rel=1e-3)
    assert (squats.height_m, squats.sex, squats.action, squats.rate_hz) == (1.7, "f", "squats", pytest.approx(100))
    assert (squats.validity == Reason.GOOD).all()


@pytest.mark.parametrize("camera", ["Cam0", "Cam1"])
def test_each_frame_shows_the_picture_of_its_time(squats: Trial, camera: str) -> None:
    track = squats.cameras[camera]
    np.testing.assert_allclose(track.video_time, np.arange(211) / 60, atol=1e-3)
    assert np.abs(track.video_time[track.video_index] - squats.time).max() <= 1 / 120 + 1e-3
    corner = slice(30, 34), slice(30, 34)  # the middle of the picture: grey 20 + k, the disc is above
    levels = np.array([image[corner].mean() for image in images(track)])
    np.testing.assert_allclose(levels, 20 + np.arange(211), atol=3)


def test_calibrated_pictures_are_cropped_around_the_body(squats: Trial) -> None:
    track = squats.cameras["Cam0"]
    assert track.kind == "real" and track.source_size == (96, 128)
    assert (track.crop == track.crop[0]).all() and track.crop[0, 2] == track.crop[0, 3]
    assert track.intrinsics is not None and track.rotation is not None and track.translation is not None
    for k in (0, 15, 45, 100):
        neck = squats.markers[np.abs(squats.time - track.video_time[k]).argmin(), MARKERS.index("C7")]
        at = track.intrinsics @ (track.rotation @ neck + track.translation)
        pixel = (at[:2] / at[2] + 0.5 - track.crop[k, :2]) * 64 / track.crop[k, 2] - 0.5
        image = images(track)[k].astype(float)
        bright = np.clip(image - 200, 0, None)
        ys, xs = np.mgrid[:64, :64]
        np.testing.assert_allclose(
            [(xs * bright).sum() / bright.sum(), (ys * bright).sum() / bright.sum()], pixel, atol=0.8
        )


def test_uncalibrated_pictures_are_whole_or_a_stated_box(squats: Trial, opencap_root: Path) -> None:
    track = squats.cameras["Cam1"]
    np.testing.assert_array_equal(track.crop[0], [-16, 0, 128, 128])
    assert track.intrinsics is None and track.rotation is None
    assert images(track)[50][:, :7].max() < 20  # the bars at the sides are black
    boxed = build(opencap_root, box=(20, 10, 40, 60))
    np.testing.assert_array_equal(boxed.cameras["Cam1"].crop[0], [10, 10, 60, 60])
    assert boxed.cameras["Cam0"].crop[0, 2] != 60  # a calibrated camera needs no box


def test_a_box_can_follow_the_body(opencap_root: Path) -> None:
    track = build(opencap_root, "squats1", crop="frame", cameras=("Cam0",)).cameras["Cam0"]
    centres = track.crop[:, 0] + track.crop[:, 2] / 2
    assert np.ptp(centres) >= 4 and np.abs(np.diff(centres)).max() <= 1.5


def test_a_calibration_of_another_frame_is_noticed(root: Path) -> None:
    path = root / "subject1/VideoData/Session0/Cam0/cameraIntrinsicsExtrinsics.pickle"
    calibration = pickle.loads(path.read_bytes())
    calibration["rotation"] = np.eye(3)  # as if the world were a checkerboard's
    path.write_bytes(pickle.dumps(calibration))
    assert "not calibrated to the markers' frame" in remarks(root)
    track = build(root).cameras["Cam0"]
    assert track.rotation is None and track.intrinsics is not None
    np.testing.assert_array_equal(track.crop[0], [-16, 0, 128, 128])


def test_a_hostile_calibration_costs_the_crop_only(root: Path, tmp_path: Path) -> None:
    path = root / "subject1/VideoData/Session0/Cam0/cameraIntrinsicsExtrinsics.pickle"

    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    path.write_bytes(pickle.dumps({"rotation": Hostile()}))
    assert "refused" in remarks(root)
    assert not (tmp_path / "ran").exists()


def test_the_videos_times_can_be_the_grid(opencap_root: Path) -> None:
    trial = build(opencap_root, grid="video", cameras=("Cam1", "Cam0"))
    np.testing.assert_allclose(trial.time, np.arange(49) / 60, atol=1e-3)
    assert trial.rate_hz == pytest.approx(60, rel=0.01)
    np.testing.assert_array_equal(trial.cameras["Cam1"].video_index, np.arange(49))
    knee = C["knee_angle_r"]
    np.testing.assert_allclose(trial.torques[:, knee], 10 * np.cos(2 * np.pi * trial.time + knee), atol=0.02)
    np.testing.assert_allclose(
        trial.coordinates[3:-3, knee], 0.1 * np.sin(2 * np.pi * trial.time[3:-3] + knee), atol=3e-4
    )
    assert (trial.validity == Reason.GOOD).all()


def test_no_images(opencap_root: Path) -> None:
    assert build(opencap_root, cameras=("none",)).cameras == {}
    with pytest.raises(DataError, match="no video whose times"):
        build(opencap_root, cameras=("none",), grid="video")


def test_synchronised_videos_come_first(root: Path) -> None:
    folder = root / "subject1/VideoData/Session0/Cam1/walking1"
    shutil.copy(folder / "walking1_syncdWithMocap.mp4", folder / "walking1.avi")
    assert find_videos(root / "subject1", "walking1")["Cam1"][0].name == "walking1_syncdWithMocap.mp4"


def test_sources_that_start_later_are_aligned_by_time_not_by_row(root: Path) -> None:
    path = root / "subject1/OpenSimData/Mocap/IK/walking1.mot"
    table = read_storage(path)
    write_storage(path, replace(table, time=table.time[20:], data=table.data[20:]))
    trial = build(root)
    np.testing.assert_allclose(trial.time, np.arange(20, 81) / 100)
    knee = C["knee_angle_r"]
    np.testing.assert_allclose(trial.torques[:, knee], 10 * np.cos(2 * np.pi * trial.time + knee), atol=1e-9)
    neck = trial.markers[:, MARKERS.index("C7"), 0]
    np.testing.assert_allclose(neck, 0.1 * np.sin(2 * np.pi * trial.time), atol=3e-4)


def test_columns_in_another_order_give_the_same(root: Path) -> None:
    before = build(root, cameras=("none",)).torques
    reverse_columns(root / "subject1/OpenSimData/Mocap/ID/walking1.sto")
    np.testing.assert_array_equal(build(root, cameras=("none",)).torques, before)


def test_torques_that_are_no_numbers_are_marked(root: Path) -> None:
    path = root / "subject1/OpenSimData/Mocap/ID/walking1.sto"
    table = read_storage(path)
    table.data[30:32, table.columns.index("knee_angle_r_moment")] = np.nan
    write_storage(path, table)
    trial = build(root, cameras=("none",))
    wrong = np.argwhere(trial.validity)
    assert wrong.tolist() == [[30, C["knee_angle_r"]], [31, C["knee_angle_r"]]]
    assert set(trial.validity[30:32, C["knee_angle_r"]]) == {Reason.NOT_FINITE}
    table.data[:] = np.nan
    write_storage(path, table)
    with pytest.raises(DataError, match="no finite torque"):
        build(root, cameras=("none",))


def test_a_short_video_shortens_the_trial(root: Path) -> None:
    path = root / "subject1/VideoData/Session0/Cam1/walking1/walking1_syncdWithMocap.mp4"
    shorten(path, 31)  # the last picture at 0.5 s
    trial = build(root, cameras=("Cam1",))
    assert trial.time[0] == 0 and trial.time[-1] == pytest.approx(0.5)
    assert "51 of 81 frames kept, for that is all of Cam1 0.00 to 0.50 s" in remarks(root)
    assert len(build(root, cameras=("Cam0",)).time) == 81 and "kept" not in remarks(root, cameras=("Cam0",))
    shorten(path, 24)  # less than half of it
    with pytest.raises(DataError, match=r"video is shorter than the mocap: it shows 0.00 to 0.38 s of 0.00 to 0.80 s"):
        build(root, cameras=("Cam1",))


def test_short_forces_shorten_the_trial(root: Path) -> None:
    path = root / "subject1/ForceData/walking1_forces.mot"
    table = read_storage(path)
    write_storage(path, replace(table, time=table.time[100:700], data=table.data[100:700]))
    np.testing.assert_allclose(build(root).time, np.arange(10, 70) / 100)
    assert "60 of 81 frames kept, for that is all of forces 0.10 to 0.70 s" in remarks(root)


def test_a_video_that_is_not_named_synchronised_is_remarked(root: Path) -> None:
    folder = root / "subject1/VideoData/Session0/Cam1/walking1"
    assert "taken to start" not in remarks(root)
    (folder / "walking1_syncdWithMocap.mp4").rename(folder / "walking1.mp4")
    assert "full frame; not named _syncdWithMocap, taken to start with the markers' time 0)" in remarks(root)


def test_a_loaded_plate_that_belongs_to_no_foot_is_marked(root: Path) -> None:
    path = root / "subject1/ForceData/walking1_forces.mot"
    table = read_storage(path)
    third = np.zeros((len(table.time), 3))
    for force, loaded in ((19.0, 0), (400.0, 21)):
        third[300:501, 1] = force
        columns = (*table.columns, *(f"3_ground_force_v{axis}" for axis in "xyz"))
        write_storage(path, replace(table, columns=columns, data=np.hstack([table.data, third])))
        trial = build(root, cameras=("none",))
        wrong = trial.validity == Reason.OFF_PLATE
        expected = [name.startswith(("pelvis", "hip", "knee", "ankle", "subtalar", "mtp")) for name in COORDINATES]
        assert (wrong.sum(axis=0) == loaded * np.array(expected)).all()
        assert not loaded or wrong[30:51, C["hip_flexion_l"]].all()
        assert ("up to 400 N on a plate that belongs to no foot" in remarks(root)) == bool(loaded)


def test_a_jump_after_the_videos_end_still_reaches_back(root: Path) -> None:
    path = root / "subject1/OpenSimData/Mocap/IK/walking1.mot"
    table = read_storage(path)
    table.data[60:, C["arm_flex_r"]] += 40
    write_storage(path, table)
    shorten(root / "subject1/VideoData/Session0/Cam1/walking1/walking1_syncdWithMocap.mp4", 31)
    trial = build(root, cameras=("Cam1",))
    codes = trial.validity[:, C["arm_flex_r"]]
    assert len(codes) == 51 and (codes[32:] == Reason.COORDINATE_JUMP).all() and not codes[:32].any()


def test_a_video_that_is_not_synchronised_is_refused(root: Path) -> None:
    folder = root / "subject1/VideoData/Session0/Cam1"
    (folder / "walking1/walking1_syncdWithMocap.mp4").unlink()
    shutil.copy(folder / "squats1/squats1_syncdWithMocap.mp4", folder / "walking1/walking1.mp4")
    with pytest.raises(DataError, match=r"lasts longer than the markers.*walking1_syncdWithMocap\.mp4"):
        build(root, cameras=("Cam1",))


@pytest.mark.parametrize(("spoil", "message"), SPOILT)
def test_spoilt_trials(root: Path, spoil, message: str) -> None:
    spoil(root)
    with pytest.raises(DataError, match=message):
        build(root)


def test_a_box_outside_the_picture(opencap_root: Path) -> None:
    with pytest.raises(ConfigError, match="more than 4 times as large as its 96 x 128 pixels"):
        build(opencap_root, cameras=("Cam1",), box=(0, 0, 10, 513))
    with pytest.raises(DataError, match="outside its 96 x 128"):
        build(opencap_root, cameras=("Cam1",), box=(100, 0, 50, 50))
