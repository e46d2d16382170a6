"""Which labels are left out, and why."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from releases import Release
from scipy.signal import butter, sosfiltfilt

from vidzoo.anatomy import COORDINATES, GRAVITY, MARKERS, action_family
from vidzoo.data_prep.signal import fill_short_gaps, resample
from vidzoo.data_prep.validity import judge_labels, jump_support, region_columns
from vidzoo.dynamics.ground_reaction import measured_grf
from vidzoo.io.data_file import Reason
from vidzoo.io.storage import coordinates_in_si, generalized_forces, read_storage
from vidzoo.io.trc import read_trc

F, MASS = 200, 60.0
WEIGHT = MASS * GRAVITY
ALL = ("pelvis", "leg_r", "leg_l", "trunk", "arm_r", "arm_l")


class Case:
    """A person who stands still on two plates for 2 s, all labels good."""

    def __init__(self) -> None:
        self.coordinates = np.zeros((F, len(COORDINATES)))
        self.torques = np.ones((F, len(COORDINATES)))
        self.markers = np.tile(np.random.default_rng(0).uniform(0, 1, (1, len(MARKERS), 3)), (F, 1, 1))
        self.forces = np.zeros((F, 2, 3))
        self.forces[..., 1] = WEIGHT / 2

    def judge(self, family: str = "squats") -> np.ndarray:
        return judge_labels(self.coordinates, self.torques, self.markers, self.forces, MASS, family, 100.0)

    def push(self, frames: slice, share: float) -> None:
        self.torques[frames, COORDINATES.index("pelvis_ty")] = share * WEIGHT


def spoilt(codes: np.ndarray, frame: int) -> dict[str, int]:
    """Return the reason of each region that is spoilt as a whole in a frame; fail on a partly spoilt one."""
    found = {}
    for region in ALL:
        reasons = set(codes[frame, region_columns(region)].tolist())
        assert len(reasons) == 1, (region, reasons)
        if reasons != {0}:
            found[region] = reasons.pop()
    return found


def test_every_coordinate_has_one_region() -> None:
    assert sum(region_columns(region).sum() for region in ALL) == len(COORDINATES)
    assert [region_columns(region).sum() for region in ALL] == [6, 8, 8, 3, 5, 5]


def test_quiet_standing_is_good() -> None:
    assert (Case().judge() == Reason.GOOD).all()


@pytest.mark.parametrize(("lowpass_hz", "rate_hz"), [(12, 100), (6, 100), (6, 200), (12, 60)])
def test_jump_support_by_another_form_of_the_filter(lowpass_hz: float, rate_hz: float) -> None:
    step = (np.arange(2001) >= 1000).astype(float)
    smoothed = sosfiltfilt(butter(3, lowpass_hz, fs=rate_hz, output="sos"), step)
    acceleration = np.abs(np.diff(smoothed, 2))  # [i] belongs to frame i + 1
    frames = np.flatnonzero(acceleration > 0.01 * acceleration.max()) + 1 - 1000
    assert abs(jump_support(lowpass_hz, rate_hz) - (frames.max() + 1)) <= 1
    assert abs(jump_support(lowpass_hz, rate_hz) + frames.min()) <= 1


@pytest.mark.parametrize(
    ("coordinate", "regions"),
    [
        ("arm_rot_l", {"pelvis", "trunk", "arm_l"}),
        ("elbow_flex_r", {"pelvis", "trunk", "arm_r"}),
        ("lumbar_rotation", {"pelvis", "trunk", "arm_r", "arm_l"}),
        ("knee_angle_r", {"pelvis", "leg_r"}),
        ("pelvis_list", set(ALL)),
    ],
)
@pytest.mark.parametrize("family", ["DJ", "squats"])
def test_a_jump_spoils_its_chain_as_far_as_the_filter_spreads_it(coordinate: str, regions: set, family: str) -> None:
    case = Case()
    case.coordinates[100:, COORDINATES.index(coordinate)] = np.deg2rad(30)
    codes = case.judge(family)
    support = {"DJ": 14, "squats": 28}[family]
    for frame in (100 - support, 100, 99 + support):
        assert spoilt(codes, frame) == dict.fromkeys(regions, Reason.COORDINATE_JUMP)
    for frame in (99 - support, 100 + support):
        assert spoilt(codes, frame) == {}


def test_fast_but_possible_motion_is_no_jump() -> None:
    case = Case()
    case.coordinates[100:, COORDINATES.index("arm_flex_r")] = np.deg2rad(24)
    case.coordinates[100:, COORDINATES.index("pelvis_tx")] = 1.0  # metres are no angles
    assert (case.judge() == Reason.GOOD).all()


def test_a_residual_without_a_cause_leaves_the_legs() -> None:
    case = Case()
    case.push(slice(50, 60), -0.16)
    case.push(slice(80, 90), 0.14)
    codes = case.judge()
    assert spoilt(codes, 55) == dict.fromkeys(("pelvis", "trunk", "arm_r", "arm_l"), Reason.RESIDUAL)
    assert np.flatnonzero(codes.any(axis=1)).tolist() == list(range(50, 60))


def test_a_residual_within_a_jumps_reach_is_the_jumps() -> None:
    case = Case()
    case.coordinates[100:, COORDINATES.index("arm_flex_l")] = 1.0
    case.push(slice(95, 105), 3.0)
    case.forces[:, 0] = 0  # would be a foot off the plate, but the residual has another cause
    assert spoilt(case.judge("DJ"), 100) == {
        "pelvis": Reason.COORDINATE_JUMP,
        "trunk": Reason.COORDINATE_JUMP,
        "arm_l": Reason.COORDINATE_JUMP,
        "arm_r": Reason.RESIDUAL,
    }


def test_a_foot_off_the_plate_spoils_its_leg_while_it_stands_unloaded() -> None:
    case = Case()
    case.push(slice(0, 20), 0.5)
    case.forces[:15, 1] = 0
    left_foot = [MARKERS.index(name) for name in ("L_calc", "L_5meta", "L_toe")]
    case.markers[5:, left_foot] += 0.03 * np.arange(F - 5)[:, None, None]  # 5 m/s: it swings from frame 5 on
    codes = case.judge("walking")
    expected = {
        "pelvis": Reason.OFF_PLATE,
        "leg_l": Reason.OFF_PLATE,
        "trunk": Reason.RESIDUAL,
        "arm_r": Reason.RESIDUAL,
        "arm_l": Reason.RESIDUAL,
    }
    assert spoilt(codes, 2) == spoilt(codes, 14) == expected  # the stretch is one event
    assert spoilt(codes, 17) == dict.fromkeys(("pelvis", "trunk", "arm_r", "arm_l"), Reason.RESIDUAL)


def test_a_swinging_foot_is_not_off_the_plate() -> None:
    case = Case()
    case.push(slice(0, 20), 0.5)
    case.forces[:, 1] = 0
    case.markers += 0.03 * np.arange(F)[:, None, None]
    assert "leg_l" not in spoilt(case.judge("walking"), 10)
    case.forces = None  # type: ignore[assignment]
    case.markers[:] = case.markers[0]
    assert "leg_l" not in spoilt(case.judge("walking"), 10)


def test_sitting_spoils_hips_but_not_knees_and_ankles() -> None:
    case = Case()
    case.push(slice(50, 60), 0.6)
    case.push(slice(80, 90), -0.6)  # a chair does not pull
    case.forces[:] = 0
    codes = case.judge("STS")
    column = COORDINATES.index
    for frame, hip in ((55, Reason.OFF_PLATE), (85, Reason.GOOD)):
        for side in "rl":
            for name in ("hip_flexion", "hip_adduction", "hip_rotation"):
                assert codes[frame, column(f"{name}_{side}")] == hip
            for name in ("knee_angle", "ankle_angle", "subtalar_angle", "mtp_angle"):
                assert codes[frame, column(f"{name}_{side}")] == Reason.GOOD
        assert codes[frame, column("lumbar_extension")] != Reason.GOOD
        assert codes[frame, column("elbow_flex_r")] == Reason.RESIDUAL


def test_numbers_that_are_none() -> None:
    case = Case()
    case.torques[10, COORDINATES.index("knee_angle_r")] = np.nan
    case.torques[11, COORDINATES.index("pelvis_ty")] = np.inf
    case.coordinates[12, 3] = np.nan
    codes = case.judge()
    assert codes[10].nonzero()[0].tolist() == [COORDINATES.index("knee_angle_r")]
    assert codes[10].max() == Reason.NOT_FINITE
    assert codes[11, COORDINATES.index("pelvis_ty")] == Reason.NOT_FINITE
    assert (codes[12] == Reason.NOT_FINITE).all()
    assert not codes[13:].any()


@pytest.mark.parametrize(
    ("markers", "regions"),
    [
        (("L_humerus", "L_elbow_lat", "L_forearm", "L_wrist_ulna"), {"pelvis", "trunk", "arm_l"}),
        (("L_humerus", "L_elbow_lat", "L_forearm"), set()),
        (("C7", "R_Shoulder", "L_Shoulder"), {"pelvis", "trunk", "arm_r", "arm_l"}),
        (("R_HJC", "L_HJC", "R_HJC_reg", "L_HJC_reg"), set()),
        (tuple(m for m in MARKERS if m.startswith("r_")), {"pelvis", "leg_r"}),
        (("r.ASIS", "L.ASIS", "r.PSIS"), set(ALL)),
    ],
)
def test_missing_markers_spoil_their_region(markers: tuple[str, ...], regions: set) -> None:
    case = Case()
    case.markers[40:60, [MARKERS.index(name) for name in markers]] = np.nan
    codes = case.judge()
    assert spoilt(codes, 50) == dict.fromkeys(regions, Reason.MISSING_MARKERS)
    assert spoilt(codes, 39) == spoilt(codes, 60) == {}


@pytest.mark.parametrize("subject", ["subject4", "subject5", "subject6"])
def test_against_a_releases_list_of_large_residuals(release: Release, subject: str) -> None:
    folder = release.root / subject
    mass = yaml.safe_load((folder / "sessionMetadata.yaml").read_text())["mass_kg"]
    for trial, quality in json.loads((folder / "quality.json").read_text()).items():
        ik = read_storage(folder / f"OpenSimData/Mocap/IK/{trial}.mot")
        torques = generalized_forces(read_storage(folder / f"OpenSimData/Mocap/ID/{trial}.sto"))
        trc = read_trc(folder / f"MarkerData/Mocap/{trial}.trc")
        markers = resample(trc.time, fill_short_gaps(trc.positions), ik.time)
        forces = measured_grf(read_storage(folder / f"ForceData/{trial}_forces.mot"), ik.time)[:, :, :3]
        family = action_family(trial)
        assert family is not None
        codes = judge_labels(coordinates_in_si(ik), torques, markers, forces, mass, family, 100.0)
        bad = np.zeros(len(ik.time), dtype=bool)
        for start, stop in quality["mask_out_intervals_s"]:
            bad |= (ik.time > start - 0.005) & (ik.time < stop + 0.005)
        lumbar = codes[:, COORDINATES.index("lumbar_extension")]
        assert (lumbar[bad] != Reason.GOOD).all(), trial
        np.testing.assert_array_equal((lumbar != Reason.GOOD) & (lumbar != Reason.COORDINATE_JUMP) & ~bad, False)
        if not quality["coordinate_jumps_over_25deg_per_frame_s"]:
            np.testing.assert_array_equal(lumbar != Reason.GOOD, bad)
        legs = codes[:, region_columns("leg_r", "leg_l")]
        if family.startswith(("DJ", "squats")):
            assert not legs.any(), trial
        if family.startswith("walking"):  # the trailing left foot of the first 0.1 s
            knee = codes[:, COORDINATES.index("knee_angle_l")] == Reason.OFF_PLATE
            assert knee[:9].all() and not knee[16:].any(), trial
