"""The mathematics of MPJPE and PA-MPJPE: pure NumPy, arrays in, arrays out.

    MPJPE     = mean over images and joints of |predicted - true|, both relative to the root
    PA-MPJPE  = the same after the similarity (turn, scale, shift; no mirroring) that brings each image's predicted
                joints nearest to the true ones in the sense of least squares

Joints without a label count nowhere. The root itself counts, with an error of 0 in MPJPE, as in Human3.6M's protocols.
Letters: n images, J joints. Everything in m.
"""

from __future__ import annotations

import numpy as np

MIN_JOINTS = 4
"""Fewer joints than these a similarity fits too well to say anything."""


def joint_errors(predicted: np.ndarray, true: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return |predicted - true| [n, J] m of joints [n, J, 3] m; NaN where not ``valid`` [n, J]."""
    return np.where(valid, np.linalg.norm(np.where(valid[..., None], predicted - true, 0), axis=-1), np.nan)


def similarity_align(predicted: np.ndarray, true: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return predicted joints [n, J, 3] m, each image's turned, scaled and shifted onto its valid true ones.

    Source: Umeyama 1991, Least-squares estimation of transformation parameters between two point patterns, equations
    39 to 43. NaN for an image with fewer than ``MIN_JOINTS`` valid joints.
    """
    weight = valid[..., None].astype(float)
    count = weight.sum(axis=1, keepdims=True)
    enough = count >= MIN_JOINTS
    p, t = (np.where(valid[..., None], joints, 0.0) for joints in (predicted, true))
    centre_p, centre_t = (joints.sum(axis=1, keepdims=True) / np.maximum(count, 1) for joints in (p, t))
    p, t = (p - centre_p) * weight, (t - centre_t) * weight
    u, s, vt = np.linalg.svd(np.einsum("nji,njk->nik", t, p))
    signs = np.ones_like(s)
    signs[:, -1] = np.sign(np.linalg.det(u) * np.linalg.det(vt))  # a mirror image is no turn
    rotation = u * signs[:, None] @ vt
    spread = (p**2).sum(axis=(1, 2))
    scale = (s * signs).sum(axis=1) / np.where(spread > 0, spread, 1.0)
    aligned = scale[:, None, None] * (predicted - centre_p) @ rotation.transpose(0, 2, 1) + centre_t
    return np.where(enough, aligned, np.nan)


def pose_figures(predicted: np.ndarray, true: np.ndarray, valid: np.ndarray) -> dict[str, np.ndarray]:
    """Return ``MPJPE`` and ``PA_MPJPE`` per joint [J] and over all labels [] (``..._mean``), m; NaN without labels.

    Args:
        predicted: [n, J, 3] m, relative to the root.
        true: the same; anything where not ``valid``.
        valid: [n, J] bool.

    A pose that is 10 % too large has an MPJPE, and none after a similarity:

    >>> true = np.random.default_rng(0).normal(size=(1, 21, 3))
    >>> figures = pose_figures(1.1 * true, true, np.ones((1, 21), bool))
    >>> bool(figures["MPJPE_mean"] > 0.1), float(figures["PA_MPJPE_mean"].round(9))
    (True, 0.0)
    """
    aligned = similarity_align(predicted, true, valid)
    figures = {}
    for name, joints in (("MPJPE", predicted), ("PA_MPJPE", aligned)):
        errors = joint_errors(joints, true, valid & np.isfinite(joints).all(axis=-1))
        there = np.isfinite(errors)
        total, count = np.where(there, errors, 0).sum(axis=0), there.sum(axis=0)
        figures[name] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        figures[f"{name}_mean"] = total.sum() / count.sum() if count.any() else np.array(np.nan)
    return figures


def constant_pose(true: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return the mean pose [J, 3] m of labels [n, J, 3]; NaN for a joint without any."""
    count = valid.sum(axis=0)[:, None]
    return np.where(valid[..., None], true, 0).sum(axis=0) / np.where(count > 0, count, np.nan)
