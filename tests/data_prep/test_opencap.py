"""A folder in OpenCap's layout becomes a data file: right times, right columns, and one bad trial costs no other."""

from __future__ import annotations

import io
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from releases import Release
from rich.console import Console
from scipy.signal import savgol_filter

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES, MARKERS
from vidzoo.data_prep.opencap import (
    BuildOptions,
    BuildReport,
    Subject,
    TrialReport,
    build_opencap,
    build_trial,
    find_subjects,
    find_videos,
    force_plate_mass,
    read_subject,
)
from vidzoo.data_prep.opencap.build import build_in_own_process
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import CameraTrack, DataFile, Reason, Trial
from vidzoo.io.storage import coordinates_in_si, generalized_forces, read_storage, write_storage
from vidzoo.io.trc import read_trc

C = {name: i for i, name in enumerate(COORDINATES)}


@pytest.fixture
def root(opencap_root: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(opencap_root, tmp_path / "release")


@pytest.fixture(scope="module")
def squats(opencap_root: Path) -> Trial:
    return build(opencap_root, "squats1")


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


# --- what a built trial holds ---------------------------------------------------------------------------------------


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


def test_mass_from_the_plates(opencap_root: Path) -> None:
    trial = build(opencap_root, mass_source="force_plate", cameras=("none",))
    assert trial.mass_kg == trial.mass_force_plate_kg == pytest.approx(60.0, rel=1e-3)
    assert trial.mass_metadata_kg == 62.0


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


# --- wrong input ----------------------------------------------------------------------------------------------------


def reverse_columns(path: Path) -> None:
    table = read_storage(path)
    write_storage(path, replace(table, columns=table.columns[::-1], data=table.data[:, ::-1]))


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


def test_masses_that_differ_are_remarked(root: Path) -> None:
    told = "metadata 62.0 kg, force plates 60.0 kg: both are stored, metadata counts"
    assert told in remarks(root)
    edit(root / "subject1/sessionMetadata.yaml", "mass_kg: 62.0", "mass_kg: 61.5")
    assert "force plates" not in remarks(root)
    shutil.rmtree(root / "subject1/ForceData")
    assert "force plates" not in remarks(root)


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


@pytest.mark.parametrize(("spoil", "message"), SPOILT)
def test_spoilt_trials(root: Path, spoil, message: str) -> None:
    spoil(root)
    with pytest.raises(DataError, match=message):
        build(root)


def test_one_bad_trial_costs_no_other(root: Path, tmp_path: Path) -> None:
    spoil_marker(root)
    out = tmp_path / "out.h5"
    options = BuildOptions(image_size=32, trials=("squats1", "walking1"), cameras=("Cam1",))
    report = build_opencap(root, out, options, jobs=2, progress=False)
    assert [row.trial for row in report.built] == ["squats1"]
    (row,) = report.left_out
    assert "has no marker 'r_knee'" in row.note
    data = DataFile(out)
    assert data.trial_keys() == [("subject1", "squats1")]
    data.verify()
    assert data.settings["left_out"] == {"subject1/walking1": row.note}
    assert data.settings["jump_support_lowpass_hz"]["DJ"] == 12


def test_nothing_built_leaves_no_file(root: Path, tmp_path: Path) -> None:
    spoil_ik(root)
    with pytest.raises(DataError, match=r"nothing could be built, 1 trials left out; the first is subject1/walking1"):
        build_opencap(root, tmp_path / "out.h5", BuildOptions(trials=("walking1",)), progress=False)
    assert not list(tmp_path.glob("*out.h5*"))


@pytest.mark.parametrize("mass", ["0", "-5", "nan", "abc", "", "62600"])
def test_a_mass_that_is_none(root: Path, tmp_path: Path, mass: str) -> None:
    edit(root / "subject1/sessionMetadata.yaml", "mass_kg: 62.0", f"mass_kg: {mass}")
    with pytest.raises(DataError, match=r"nothing could be built.*mass_kg is .*--mass-source force_plate"):
        build_opencap(root, tmp_path / "out.h5", progress=False)
    assert not list(tmp_path.glob("*out.h5*"))
    assert read_subject(root / "subject1", "force_plate").mass_force_plate_kg == pytest.approx(60, rel=1e-3)


def test_metadata_that_say_too_little(root: Path) -> None:
    path = root / "subject1/sessionMetadata.yaml"
    path.write_text("mass_kg: 62.0\nheight_m: 1.7\n")
    assert read_subject(root / "subject1", "metadata").sex == ""
    path.write_text("mass_kg: 62.0\nheight_m: 170\n")
    with pytest.raises(DataError, match="height_m is 170, expected metres"):
        read_subject(root / "subject1", "metadata")
    path.write_text("mass_kg: 62.0\nheight_m: 1.7\ndate: 2022-02-30\n")  # a malformed date is not read
    assert read_subject(root / "subject1", "metadata").mass_metadata_kg == 62.0
    deep = "a: " + "[" * 5000 + "]" * 5000
    for text in ("mass_kg: [62.0\n", deep, "mass_kg: 62.0\n" * (1 << 17), "mass_kg: \x00"):
        path.write_text(text)
        with pytest.raises(DataError, match="no valid YAML"):
            read_subject(root / "subject1", "metadata")
    path.write_text("a0: &a0 [1, 2]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)))
    for mass in ("", "mass_kg: *a59\n", "mass_kg: true\n", "mass_kg:\n"):
        path.write_text(path.read_text().partition("mass_kg")[0] + mass)
        with pytest.raises(DataError, match=r"mass_kg is (missing|no single value|true), expected"):
            read_subject(root / "subject1", "metadata")
    path.unlink()
    with pytest.raises(DataError, match="no such file"):
        read_subject(root / "subject1", "metadata")


def test_plates_that_do_not_carry_the_whole_body_weigh_nobody(root: Path) -> None:
    path = root / "subject1/ForceData/squats1_forces.mot"
    table = read_storage(path)
    table.data[1000:1200, 1] = 0  # a foot leaves its plate for 0.2 s and bears half the body
    table.data[1000:1200, 10] *= 0.9
    write_storage(path, table)
    assert np.isnan(force_plate_mass(root / "subject1"))
    with pytest.raises(DataError, match="no squat or static recording"):
        read_subject(root / "subject1", "force_plate")


def test_names_that_are_not_there(opencap_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    for options, message in (
        ({"subjects": ("subject9",)}, "no subject 'subject9'; it has subject1"),
        ({"trials": ("DJ1",)}, "no subject has a trial 'DJ1'; there is squats1, static1, walking1"),
        ({"trials": ("walking1",), "cameras": ("Cam7",)}, "no video of camera 'Cam7'; there is Cam0, Cam1"),
        ({"trials": ("static1",)}, "no action family belongs to this name"),
    ):
        with pytest.raises(DataError, match=message):
            build_opencap(opencap_root, out, BuildOptions(**options), progress=False)
    with pytest.raises(DataError, match="no such folder"):
        build_opencap(tmp_path / "none", out, progress=False)
    with pytest.raises(DataError, match="holds no subject"):
        find_subjects(tmp_path)
    with pytest.raises(DataError, match="is a folder"):
        build_opencap(opencap_root, tmp_path, progress=False)
    with pytest.raises(ConfigError, match="image size 8"):
        build_opencap(opencap_root, out, BuildOptions(image_size=8), progress=False)
    assert not list(tmp_path.iterdir())


def test_a_left_out_subject_costs_no_other(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "subject1", root / "subject2")
    (root / "subject2/sessionMetadata.yaml").write_text("[" * 5000)
    options = BuildOptions(trials=("walking1",), cameras=("none",))
    report = build_opencap(root, tmp_path / "out.h5", options, progress=False)
    assert [row.subject for row in report.built] == ["subject1"] and "no valid YAML" in report.left_out[0].note


def test_brackets_in_names_and_notes_are_printed_as_they_are() -> None:
    rows = [TrialReport("[red]s[/red]", "a[/b]", "DJ", note="[/x] in 'mass [kg]'", built=built) for built in (0, 1)]
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(BuildReport(tuple(rows)).table())
    text = console.export_text()
    for part in ("[red]s[/red]", "a[/b]", "[/x] in 'mass [kg]'"):
        assert text.count(part) == 2


def test_a_box_outside_the_picture(opencap_root: Path) -> None:
    with pytest.raises(ConfigError, match="more than 4 times as large as its 96 x 128 pixels"):
        build(opencap_root, cameras=("Cam1",), box=(0, 0, 10, 513))
    with pytest.raises(DataError, match="outside its 96 x 128"):
        build(opencap_root, cameras=("Cam1",), box=(100, 0, 50, 50))


class _Killer:
    """Kill the process that unpickles it, as a crash in a library would."""

    def __reduce__(self):
        return os._exit, (3,)


def test_a_worker_that_dies_is_a_reason_and_no_crash() -> None:
    subject = Subject("subject1", _Killer(), 60.0, 60.0, 1.7, "f")  # type: ignore[arg-type]
    trial, reason = build_in_own_process(subject, "walking1", BuildOptions())
    assert trial is None and "worker process died" in reason


# --- real data ------------------------------------------------------------------------------------------------------

TABLE_6 = {
    "DJ1": 109, "DJ2": 104, "DJ3": 112, "DJAsym1": 91, "DJAsym2": 93, "DJAsym3": 100, "squats1": 1345,
    "squatsAsym1": 1338, "STS1": 1399, "STSweakLegs1": 1772, "walking1": 130, "walking2": 132, "walking4": 139,
    "walkingTS1": 143, "walkingTS2": 140, "walkingTS3": 140,
}  # fmt: skip
"""Column Subj.4 of the paper, under subject4's own trial numbers."""


MADE_UP = {"DJ1": 57, "walking1": 131}


def test_subject4_has_the_known_frames_and_the_stored_torques(release: Release, tmp_path: Path) -> None:
    out = tmp_path / "subject4.h5"
    known, camera, masses = {
        "made_up": (MADE_UP, "none", (74.7, 0.96 * 74.7)),
        "shared": (TABLE_6, "CamRender", (62.6, 60.1)),
    }[release.kind]
    options = BuildOptions(subjects=("subject4",), trials=tuple(known), cameras=(camera,), image_size=64)
    report = build_opencap(release.root, out, options, jobs=2, progress=False)
    assert not report.left_out
    data = DataFile(out)
    assert {trial.trial for trial in data} == set(known)
    for trial in data:
        assert abs(trial.num_frames - known[trial.trial]) <= 2
        folder = release.mocap("subject4")
        stored = read_storage(folder / f"ID/{trial.trial}.sto")
        rows = np.abs(stored.time[None] - trial.array("time")[:, None]).argmin(axis=1)
        joints = [C[name] for name in BENCHMARK_JOINTS]
        np.testing.assert_allclose(
            trial.array("torques")[:, joints], generalized_forces(stored)[rows][:, joints], rtol=1e-6, atol=1e-5
        )
        assert np.abs(stored.time[rows] - trial.array("time")).max() < 1e-4
        ik = read_storage(folder / f"IK/{trial.trial}.mot")
        knees = [C["knee_angle_r"], C["knee_angle_l"]]
        raw = coordinates_in_si(ik)[rows][:, knees]
        assert np.abs(trial.array("coordinates")[:, knees] - raw).max() < np.deg2rad(6)
        trc = read_trc(release.root / f"subject4/MarkerData/Mocap/{trial.trial}.trc")
        raw = trc.positions[np.abs(trc.time[None] - trial.array("time")[:, None]).argmin(axis=1)]
        assert np.nanmedian(np.linalg.norm(trial.array("markers") - raw, axis=-1)) < 1e-3
        assert (trial.mass_kg, trial.mass_force_plate_kg) == pytest.approx(masses, abs=0.2)
        assert trial.cameras == (() if camera == "none" else (camera,))
        assert camera == "none" or trial.camera_attribute(camera, "kind") == "rendered"
    data.close()


def test_opensim_gives_the_stored_torques_again(release: Release) -> None:
    pytest.importorskip("opensim")
    options = BuildOptions(inverse_dynamics="opensim", cameras=("none",))
    trials = [("subject4", "DJ1"), ("subject4", "STS1"), ("subject6", "walking1")]
    trials += [("subject4", "DJAsym1")] if release.kind == "shared" else []
    for name, trial_name in trials:
        trial, _ = build_trial(read_subject(release.root / name, "metadata"), trial_name, options)
        stored = generalized_forces(read_storage(release.mocap(name) / f"ID/{trial_name}.sto"))
        joints = [C[joint] for joint in BENCHMARK_JOINTS]
        error = np.sqrt(((trial.torques - stored)[:, joints] ** 2).mean(axis=0))
        size = np.sqrt((stored[:, joints] ** 2).mean(axis=0))
        assert (error < 0.02 * size).all(), dict(zip(BENCHMARK_JOINTS, error / size))
        assert trial.inertial_torques is not None and trial.foot_jacobians is not None
        assert trial.inertial_torques.shape == stored.shape
        assert trial.foot_jacobians.shape == (len(stored), 2, 6, 35)


def test_a_video_without_calibration(release: Release) -> None:
    subject = read_subject(release.root / "subject4", "metadata")
    trial, notes = build_trial(subject, "squats1", BuildOptions(cameras=("CamUnknown",), image_size=32))
    track = trial.cameras["CamUnknown"]
    images, frames, crop = {
        "made_up": (100, 166, [-16, 0, 96, 96]),
        "shared": (807, 1345, [-280, 0, 1280, 1280]),
    }[release.kind]
    assert (len(track.jpegs), len(trial.time), track.kind) == (images, frames, "real")
    assert "CamUnknown (no calibration; full frame)" in notes
    np.testing.assert_array_equal(track.crop[0], crop)


@pytest.fixture
def walk_root(release: Release, tmp_path: Path) -> Path:
    """One recorded walk that a test may spoil, under the names of ``root``."""
    shutil.copytree(release.root / "subject6", tmp_path / "release/subject1")
    return tmp_path / "release"


@pytest.fixture
def walk_frames(release: Release) -> int:
    return {"made_up": 138, "shared": 143}[release.kind]  # what the video shows of the recording


@pytest.mark.parametrize(("spoil", "message"), SPOILT)
def test_spoilt_recorded_trials(walk_root: Path, walk_frames: int, spoil, message: str) -> None:
    assert len(build(walk_root).time) == walk_frames
    spoil(walk_root)
    with pytest.raises(DataError, match=message):
        build(walk_root)


def test_recorded_torques_in_another_order_with_gaps_and_a_short_video(walk_root: Path) -> None:
    before = build(walk_root, cameras=("none",))
    path = walk_root / "subject1/OpenSimData/Mocap/ID/walking1.sto"
    reverse_columns(path)
    np.testing.assert_array_equal(build(walk_root, cameras=("none",)).torques, before.torques)
    table = read_storage(path)
    table.data[100:110] = np.nan
    write_storage(path, table)
    after = build(walk_root, cameras=("none",))
    assert (after.validity[100:110] == Reason.NOT_FINITE).all()
    np.testing.assert_array_equal(
        np.delete(after.validity, np.s_[100:110], 0), np.delete(before.validity, np.s_[100:110], 0)
    )
    ((video, _),) = find_videos(walk_root / "subject1", "walking1").values()
    shorten(video, 61)
    assert build(walk_root).time[-1] == pytest.approx(1.0)
    mass = read_subject(walk_root / "subject1", "metadata").mass_metadata_kg
    edit(walk_root / "subject1/sessionMetadata.yaml", f"mass_kg: {mass}", "mass_kg: 0")
    with pytest.raises(DataError, match="mass_kg is 0"):
        build(walk_root)
