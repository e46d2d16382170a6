"""The published tables are copied right: their sums are those that the paper prints, or the known misprints."""

from __future__ import annotations

import pytest

from vidzoo.anatomy import ACTION_FAMILIES, BENCHMARK_JOINTS
from vidzoo.evaluation import published


def test_joint_columns_add_up_to_the_known_sums():
    joints = published.joints()
    assert tuple(joints) == BENCHMARK_JOINTS
    sums = {method: round(sum(row[method] for row in joints.values()), 4) for method in published.METHODS}
    assert sums == {"ImDy": 2.9262, "Dino": 2.9503, "VID-Network": 1.6657}


def test_the_printed_sums_and_the_remark_on_them():
    overall = published.overall()
    assert {name: row["mPJE_sum"] for name, row in overall.items()} == {
        "Dino": 2.9493, "ImDy": 2.9262, "VID-Network": 1.7612,
    }  # fmt: skip
    assert overall["ImDy"]["mPJE_mean"] == pytest.approx(0.2660, abs=5e-5)
    for figure in ("1.7612", "1.6657", "2.9503", "2.9493", "2.9262"):
        assert figure in published.SUM_REMARK


def test_the_trials_are_sixteen_in_eight_families():
    assert len(published.trials()) == 16 and tuple(published.families()) == ACTION_FAMILIES
    assert sum(len(published.trials_in_order(family)) for family in ACTION_FAMILIES) == 16
    assert published.families()["walking"]["ImDy"] == pytest.approx((0.1722 + 0.1878 + 0.1780) / 3)
    assert [row["Dino"] for row in published.trials_in_order("DJAsym")] == [0.9330, 0.6421, 0.6744]


def test_the_frames_add_up_to_the_data_set():
    frames = published.frames()
    assert sum(sum(row.values()) for row in frames.values()) == 63_369
    assert len(frames) == 16 and all(len(row) == 9 for row in frames.values())


def test_ablation_and_windows():
    assert [row["mPJE_sum"] for row in published.ablation()] == [2.499, 2.1179, 2.2236, 1.7612]
    assert published.windows() == {9: 1.841, 13: 1.7612, 17: 1.7662}
