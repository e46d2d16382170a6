"""The names of the body: complete, consistent, mirrored without loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vidzoo import anatomy


def test_counts_and_uniqueness():
    for names, count in (
        (anatomy.MARKERS, 51),
        (anatomy.COORDINATES, 35),
        (anatomy.BENCHMARK_JOINTS, 11),
        (anatomy.POSE_JOINTS, 21),
        (anatomy.ACTION_FAMILIES, 8),
    ):
        assert len(names) == len(set(names)) == count
    assert set(anatomy.BENCHMARK_JOINTS) <= set(anatomy.COORDINATES)
    assert set(anatomy.LOWER_LIMB_JOINTS) <= set(anatomy.BENCHMARK_JOINTS)
    assert set(anatomy.SAGITTAL_MIRROR_SIGN_FLIPS) <= set(anatomy.COORDINATES)
    assert set(anatomy.PELVIS_MARKERS) <= set(anatomy.MARKERS)


def test_the_pelvis_centre_is_the_mean_of_its_four_markers():
    markers = np.random.default_rng(0).normal(size=(2, 5, 51, 3))
    r_asis, l_asis, r_psis, l_psis = (markers[:, :, anatomy.MARKERS.index(name)] for name in anatomy.PELVIS_MARKERS)
    expected = ((r_asis + l_asis + r_psis + l_psis) / 4)[:, :, None]
    np.testing.assert_allclose(anatomy.pelvis_centre(markers), expected)
    np.testing.assert_allclose(anatomy.pelvis_centre(torch.from_numpy(markers)), expected)


@pytest.mark.parametrize("names", [anatomy.COORDINATES, anatomy.BENCHMARK_JOINTS, anatomy.POSE_JOINTS])
def test_mirror_is_its_own_inverse(names):
    index = anatomy.mirror_index(names)
    assert sorted(index) == list(range(len(names)))
    assert [index[i] for i in index] == list(range(len(names)))


def test_mirror_of_markers():
    index = anatomy.mirror_index(anatomy.MARKERS)
    by_name = {m: None if i < 0 else anatomy.MARKERS[i] for m, i in zip(anatomy.MARKERS, index)}
    assert {m for m, other in by_name.items() if other is None} == {"r_sh4", "r_thigh5"}
    assert {m for m, other in by_name.items() if other == m} == {"C7"}
    assert all(by_name[other] == m for m, other in by_name.items() if other is not None)
    for right, left in (("r.ASIS", "L.ASIS"), ("R_HJC_reg", "L_HJC_reg"), ("r_shank_antsup", "L_shank_antsup"),
                        ("R_wrist_radius", "L_wrist_radius"), ("r_knee", "L_knee")):  # fmt: skip
        assert by_name[right] == left


def test_midline_coordinates_mirror_to_themselves_and_sides_swap():
    index = anatomy.mirror_index(anatomy.COORDINATES)
    midline = [n for n, i in zip(anatomy.COORDINATES, index) if anatomy.COORDINATES[i] == n]
    assert midline == [*anatomy.COORDINATES[:6], "lumbar_extension", "lumbar_bending", "lumbar_rotation"]
    other = anatomy.COORDINATES[index[anatomy.COORDINATES.index("knee_angle_r_beta")]]
    assert other == "knee_angle_l_beta"


def test_no_counterpart_in_a_subset_is_minus_one():
    assert anatomy.mirror_index(("hip_flexion_r", "lumbar_extension")) == [-1, 1]


def test_cluster_markers_are_the_ones_glued_on_segments():
    assert len(anatomy.CLUSTER_MARKERS) == 18
    assert not {"r_knee", "r_shank_antsup", "C7", "R_Shoulder"} & set(anatomy.CLUSTER_MARKERS)


@pytest.mark.parametrize(
    ("trial", "family"),
    [("DJ1", "DJ"), ("DJAsym5", "DJAsym"), ("DownJump2", "DJ"), ("DownJumpAsym1", "DJAsym"), ("squats1", "squats"),
     ("squatsAsym1", "squatsAsym"), ("SitToStand1", "STS"), ("STS1", "STS"), ("STSweakLeg1", "STSweakLegs"),
     ("STSweakLegs1", "STSweakLegs"), ("walking4", "walking"), ("walkingTS3", "walkingTS"), ("static1", None)],
)  # fmt: skip
def test_action_family(trial, family):
    assert anatomy.action_family(trial) == family


def test_landmarks_are_blazepose_s_and_swap_sides():
    assert len(anatomy.LANDMARKS) == len(set(anatomy.LANDMARKS)) == 33
    # Bazarevsky et al. 2020, figure 2: left before right, from 11 on.
    for index, name in ((0, "nose"), (11, "shoulder_l"), (16, "wrist_r"), (23, "hip_l"), (26, "knee_r"),
                        (27, "ankle_l"), (29, "heel_l"), (32, "toe_r")):  # fmt: skip
        assert anatomy.LANDMARKS[index] == name
    index = anatomy.mirror_index(anatomy.LANDMARKS)
    assert [i for i, other in enumerate(index) if i == other] == [0]
    assert all(abs(i - other) in (1, 3) for i, other in enumerate(index) if i)  # 1-3 and 4-6 are the eyes
    limbs = [f"{name}_{side}" for names in anatomy.LANDMARK_LIMBS.values() for name in names for side in "lr"]
    assert sorted(limbs) == sorted(anatomy.LANDMARKS[11:])
