"""The synthetic body: its masses, its measures, its mirror symmetry, and its signs against OpenSim's own model."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_recording import SEED

mujoco = pytest.importorskip("mujoco", reason="needs the extra 'synthetic'")

from vidzoo.anatomy import CLUSTER_MARKERS, COORDINATES, MARKERS, SAGITTAL_MIRROR_SIGN_FLIPS, mirror_index  # noqa: E402
from vidzoo.synthetic import draw_subject  # noqa: E402
from vidzoo.synthetic.body import DOF, INDEPENDENT, build_body  # noqa: E402
from vidzoo.synthetic.figure import trace  # noqa: E402
from vidzoo.synthetic.segments import DE_LEVA, Inertia, Subject, segment_inertias  # noqa: E402

PAIRED = ("upper_arm", "forearm", "hand", "thigh", "shank", "foot")


@pytest.mark.parametrize("sex", ["f", "m"])
def test_segment_masses_sum_to_the_body(sex: str) -> None:
    shares = sum(row[1] * (2 if name in PAIRED else 1) for name, row in DE_LEVA[sex].items())
    assert shares == pytest.approx(1.0, abs=2e-4)  # the table itself is rounded
    body = build_body(Subject("s", 71.3, 1.74, sex))
    assert body.model.body_mass.sum() == pytest.approx(71.3, abs=1e-9)
    for name, inertia in segment_inertias(body.subject).items():
        moments = np.linalg.eigvalsh(inertia.matrix)
        # A rigid body's principal moments are positive and no one exceeds the sum of the others.
        assert moments[0] > 0 and moments[2] <= moments[0] + moments[1] + 1e-12, name


@pytest.mark.parametrize(("sex", "height"), [("f", 1.60), ("m", 1.85)])
def test_standing_height(sex: str, height: float) -> None:
    body = build_body(Subject("s", 60.0, height, sex))
    _, points = trace(body, np.zeros((1, len(COORDINATES))), COORDINATES)
    foot = body.feet[0]
    sole = body.data.xpos[foot] + body.sole["heel"]
    assert points["top"][0, 1] - sole[1] == pytest.approx(height, abs=1e-9)
    # The centre of mass of a standing adult lies at 0.53 to 0.59 of the height (de Leva 1996; Winter 2009).
    mujoco.mj_comPos(body.model, body.data)
    assert 0.53 < (body.data.subtree_com[0, 1] - sole[1]) / height < 0.59


def test_inertias_add_as_point_masses_do() -> None:
    rng = np.random.default_rng(0)

    def of(mass: np.ndarray, points: np.ndarray) -> Inertia:
        com = mass @ points / mass.sum()
        r = points - com
        return Inertia(mass.sum(), com, (mass * (r**2).sum(1)).sum() * np.eye(3) - np.einsum("n,ni,nj->ij", mass, r, r))

    mass, points = rng.uniform(0.1, 1, 9), rng.normal(size=(9, 3))
    whole, first, last = of(mass, points), of(mass[:5], points[:5]), of(mass[5:], points[5:])
    for made, expected in ((first + last, whole), (whole - last, first)):
        assert made.mass == pytest.approx(expected.mass)
        np.testing.assert_allclose(made.com, expected.com, atol=1e-12)
        np.testing.assert_allclose(made.matrix, expected.matrix, atol=1e-12)


def mirrored(coordinates: np.ndarray) -> np.ndarray:
    """Return coordinates or generalized forces [..., C] of the mirrored body."""
    flips = np.array([-1.0 if c in SAGITTAL_MIRROR_SIGN_FLIPS else 1.0 for c in COORDINATES])
    return (coordinates * flips)[..., mirror_index(COORDINATES)]


def test_mirrored_coordinates_mirror_the_figure() -> None:
    body = build_body(Subject("s", 66.0, 1.70, "f"))
    q = np.random.default_rng(1).uniform(-0.4, 0.6, (5, len(COORDINATES)))
    for side in "rl":
        q[:, COORDINATES.index(f"knee_angle_{side}_beta")] = q[:, COORDINATES.index(f"knee_angle_{side}")]
    _, points = trace(body, q, COORDINATES)
    _, other = trace(body, mirrored(q), COORDINATES)
    for name, point in points.items():
        swapped = name[:-2] + {"_r": "_l", "_l": "_r"}[name[-2:]] if name[-2:] in ("_r", "_l") else name
        np.testing.assert_allclose(point * [1, 1, -1], other[swapped], atol=1e-12, err_msg=name)


def test_markers_are_glued_per_person_and_clusters_are_no_mirror_images() -> None:
    offsets = {
        seed: dict(zip(MARKERS, build_body(Subject("s", 66.0, 1.70, "f", seed)).marker_offsets)) for seed in (1, 2)
    }
    for marker in MARKERS:
        apart = np.linalg.norm(offsets[1][marker] - offsets[2][marker])
        assert 0 < apart < (0.06 if marker in CLUSTER_MARKERS else 0.025), marker
    away = offsets[1]["r_thigh1"] - offsets[1]["L_thigh1"] * [1, 1, -1]
    assert np.linalg.norm(away) > 0.015


@pytest.fixture(scope="module")
def osim(release):
    """OpenSim's scaled model of subject4, muscles removed, and a state of it."""
    opensim = pytest.importorskip("opensim", reason="needs the extra 'opensim'")
    opensim.Logger.setLevelString("Off")
    opensim.Logger.removeFileSink()
    model = opensim.Model(str(next(release.mocap("subject4").glob("Model/*.osim"))))
    while model.getForceSet().getSize():
        model.updForceSet().remove(0)
    return opensim, model, model.initSystem()


def test_every_coordinate_moves_the_body_as_in_opensim(osim, release) -> None:
    """As in a real person's scaled model nearly; exactly as in one of the very same made-up person."""
    opensim, model, state = osim
    person, cosine_above, ratio_within = {
        "shared": (Subject("subject4", 62.6, 1.68, "f"), 0.9, (0.7, 1.4)),
        "made_up": (draw_subject(SEED, 0), 1 - 1e-9, (1 - 1e-6, 1 + 1e-6)),
    }[release.kind]
    pose = {
        "hip_flexion": 0.4, "hip_adduction": -0.1, "knee_angle": 0.6, "ankle_angle": 0.1, "arm_flex": 0.2,
        "elbow_flex": 0.5, "pro_sup": 1.0,
    }  # fmt: skip
    start = {c: pose.get(c.removesuffix("_r").removesuffix("_l"), 0.0) for c in INDEPENDENT} | {"pelvis_ty": 0.95}
    body = build_body(person)
    markers = [model.getMarkerSet().get(i) for i in range(model.getMarkerSet().getSize())]
    markers = [m for m in markers if m.getName() in MARKERS]
    assert len(markers) >= 40
    toes = {side: model.getBodySet().get(f"toes_{side}") for side in "rl"}

    def theirs(values: dict[str, float]) -> np.ndarray:
        for name, value in values.items():
            model.getCoordinateSet().get(name).setValue(state, value, False)
        model.assemble(state)
        model.realizePosition(state)
        tips = [toes[s].findStationLocationInGround(state, opensim.Vec3(0.05, 0, 0)) for s in "rl"]
        return np.array([[p.get(i) for i in range(3)] for p in [m.getLocationInGround(state) for m in markers] + tips])

    def ours(values: dict[str, float]) -> np.ndarray:
        for name, value in values.items():
            body.data.qpos[DOF[name]] = value
        mujoco.mj_kinematics(body.model, body.data)
        tips = [
            body.data.xpos[i] + body.data.xmat[i].reshape(3, 3) @ [0.05, 0, 0]
            for i in map(body.body_id, ("toes_r", "toes_l"))
        ]
        found = dict(zip(MARKERS, body.markers()))
        return np.array([found[m.getName()] for m in markers] + tips)

    still = theirs(start), ours(start)
    for name in INDEPENDENT:
        a = (theirs(start | {name: start[name] + 0.02}) - still[0]).ravel()
        b = (ours(start | {name: start[name] + 0.02}) - still[1]).ravel()
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert cosine > cosine_above, f"{name}: {cosine:.2f}"
        assert ratio_within[0] < np.linalg.norm(b) / np.linalg.norm(a) < ratio_within[1], name
