"""MPJPE and PA-MPJPE against loops, closed forms and SciPy."""

import json

import numpy as np
import pytest
import torch
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from vidzoo.anatomy import POSE_JOINTS
from vidzoo.errors import DataError
from vidzoo.evaluation.pose_functional import constant_pose, joint_errors, pose_figures, similarity_align
from vidzoo.registry import METRICS

J = len(POSE_JOINTS)


@pytest.fixture
def poses():
    rng = np.random.default_rng(0)
    true = rng.normal(0, 0.3, (5, J, 3))
    predicted = true + rng.normal(0, 0.05, true.shape)
    return predicted, true, rng.random((5, J)) > 0.2


def test_mpjpe_is_the_mean_distance_of_labelled_joints(poses):
    predicted, true, valid = poses
    distances = [
        [float(np.sqrt(sum((p - t) ** 2))) for p, t, v in zip(*image) if v] for image in zip(predicted, true, valid)
    ]
    figures = pose_figures(*poses)
    everything = [d for image in distances for d in image]
    np.testing.assert_allclose(figures["MPJPE_mean"], sum(everything) / len(everything))
    spoilt = np.where(valid[..., None], true, np.nan)
    np.testing.assert_allclose(pose_figures(predicted, spoilt, valid)["MPJPE"], figures["MPJPE"])
    np.testing.assert_array_equal(np.isnan(joint_errors(predicted, spoilt, valid)), ~valid)


def test_a_pose_moved_by_3_4_0_is_5_away_and_not_at_all_after_alignment(poses):
    true = poses[1]
    figures = pose_figures(true + [0.03, 0.04, 0.0], true, np.ones((5, J), bool))
    np.testing.assert_allclose(figures["MPJPE"], 0.05)
    np.testing.assert_allclose(figures["PA_MPJPE_mean"], 0, atol=1e-12)


def test_alignment_undoes_any_similarity(poses):
    _, true, valid = poses
    turns = Rotation.random(5, rng=np.random.default_rng(1)).as_matrix()
    moved = 2.5 * true @ turns + [1.0, -2.0, 3.0]
    np.testing.assert_allclose(similarity_align(moved, true, valid), true, atol=1e-10)


def test_alignment_does_not_mirror(poses):
    _, true, valid = poses
    mirrored = true * [-1, 1, 1]
    assert pose_figures(mirrored, true, valid)["PA_MPJPE_mean"] > 0.05


def test_alignment_against_scipy(poses):
    """Rotation: Kabsch in SciPy. What is left of the squares: procrustes' disparity, which is of unit-size poses."""
    predicted, true, valid = poses
    for p, t, v, aligned in zip(predicted, true, valid, similarity_align(*poses)):
        p, t, aligned = p[v], t[v], aligned[v]
        turn, _ = Rotation.align_vectors(t - t.mean(0), p - p.mean(0))
        ours = aligned - aligned.mean(0)
        scale = np.linalg.norm(ours) / np.linalg.norm(p - p.mean(0))
        np.testing.assert_allclose(ours, scale * turn.apply(p - p.mean(0)), atol=1e-9)
        _, _, disparity = procrustes(t, p)
        np.testing.assert_allclose(((aligned - t) ** 2).sum(), disparity * ((t - t.mean(0)) ** 2).sum(), rtol=1e-8)


def test_too_few_joints_have_no_aligned_figure(poses):
    predicted, true, valid = poses
    valid = valid.copy()
    valid[0, 3:] = False
    assert np.isnan(similarity_align(predicted, true, valid)[0]).all()
    figures = pose_figures(predicted[:1], true[:1], valid[:1])
    assert np.isnan(figures["PA_MPJPE_mean"]) and np.isfinite(figures["MPJPE_mean"])


def test_the_constant_pose_is_the_mean_of_labels(poses):
    _, true, valid = poses
    expected = [np.mean([t[j] for t, v in zip(true, valid) if v[j]], axis=0) for j in range(J)]
    np.testing.assert_allclose(constant_pose(true, valid), expected)


def samples(predicted, true, valid):
    arrays = (np.asarray(a)[:, None] for a in (predicted, true, valid))
    return [
        dict(zip(("pred_joints", "gt_joints", "gt_joint_valid"), map(torch.from_numpy, image)))
        for image in zip(*arrays)
    ]


def test_the_plug_in_gives_the_functions_figures_and_a_file(poses, tmp_path):
    predicted, true, valid = poses
    metric = METRICS.build({"type": "PoseBenchmark", "out_dir": tmp_path / "new"})
    data = samples(predicted, true, valid)
    data[4]["pred_joints"] = torch.full_like(data[4]["pred_joints"], torch.nan)  # a camera that is not known
    metric.process({}, data[:2])
    metric.process({}, data[2:])
    logged = metric.evaluate(5)
    expected = pose_figures(predicted[:4], true[:4], valid[:4])
    np.testing.assert_allclose(logged["MPJPE"], expected["MPJPE_mean"])
    np.testing.assert_allclose(logged["PA_MPJPE"], expected["PA_MPJPE_mean"])
    constant = np.broadcast_to(constant_pose(true[:4], valid[:4]), (4, J, 3))
    np.testing.assert_allclose(logged["floor_MPJPE"], joint_errors(constant, true[:4], valid[:4])[valid[:4]].mean())
    content = json.loads((tmp_path / "new/pose_results.json").read_text())
    assert content["overall"] == logged
    assert content["joints"]["L_Knee"]["labels"] == valid[:4, POSE_JOINTS.index("L_Knee")].sum()
    np.testing.assert_allclose(content["joints"]["L_Knee"]["MPJPE"], expected["MPJPE"][POSE_JOINTS.index("L_Knee")])


def test_a_set_without_depth_is_one_sentence(poses):
    predicted, true, valid = poses
    metric = METRICS.build({"type": "PoseBenchmark"})
    metric.process({}, samples(predicted * np.nan, true, valid))
    with pytest.raises(DataError, match="MPJPE needs a test file of a set with 3D poses"):
        metric.evaluate(5)
