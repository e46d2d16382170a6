"""Augmentations: one draw per clip, and a mirror that keeps mechanics and projection right."""

from __future__ import annotations

import copy
import itertools

import cv2
import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional

from vidzoo.anatomy import BENCHMARK_JOINTS, CLUSTER_MARKERS, COORDINATES, MARKERS, SAGITTAL_MIRROR_SIGN_FLIPS
from vidzoo.datasets import VIDDataset
from vidzoo.datasets.transforms import mirror_sample
from vidzoo.datasets.transforms.image import colour_matrix
from vidzoo.errors import ConfigError
from vidzoo.io.data_file import DataFile
from vidzoo.registry import TRANSFORMS
from vidzoo.task import MODALITIES

L, K, H, W = 6, 4, 40, 48
MIRROR = np.diag([1.0, 1.0, -1.0])
ALL = [
    {"type": "CropJitter", "scale": 0.2, "shift": 0.1},
    {"type": "ColourJitter", "brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.1},
    {"type": "RandomOcclusion", "prob": 1.0, "max_share": 0.3},
    {"type": "HorizontalFlip", "prob": 1.0},
]


def make_sample(seed: int = 0, marker_frame: str = "camera", torque_names=BENCHMARK_JOINTS) -> dict:
    rng = np.random.default_rng(seed)
    m, c, q = len(MARKERS), len(COORDINATES), len(torque_names)
    valid, marker_valid = rng.random((K, q)) < 0.8, rng.random((L, m)) < 0.9
    numbers = {
        "markers": (L, m, 3), "marker_velocities": (L, m, 3), "coordinates": (L, c), "coordinate_velocities": (L, c),
        "inertial_torques": (L, c), "foot_jacobians": (L, 2, 6, c), "physics_wrenches": (L, 2, 6),
        "landmark_visibility": (L, 33), "landmarks_world": (L, 33, 3),
    }  # fmt: skip
    return {
        **{name: rng.normal(size=shape).astype(np.float32) for name, shape in numbers.items()},
        "marker_valid": rng.random((L, m)) < 0.8,
        "landmarks": rng.random((L, 33, 2)),
        "landmark_valid": rng.random(L) < 0.8,
        "gt_grf": rng.normal(size=(L, 2, 3)).astype(np.float32),
        "gt_contact": (rng.random((L, 2)) < 0.5).astype(np.float32),
        "gt_grf_valid": rng.random(L) < 0.9,
        "images": rng.integers(0, 256, (3, H, W, 3), dtype=np.uint8),
        "image_index": np.array([0, 0, 1, 1, 1, 2]),
        "gt_torques": (rng.normal(size=(K, q)) * valid).astype(np.float32),
        "valid": valid,
        "torque_names": torque_names,
        "gt_markers": (rng.normal(size=(L, m, 3)) * marker_valid[..., None]).astype(np.float32),
        "gt_marker_valid": marker_valid,
        "marker_frame": marker_frame,
        "rng": np.random.default_rng(seed),
    }


def smooth(images: int = 2, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = [cv2.GaussianBlur(rng.normal(size=(H, W, 3)), (0, 0), 4) for _ in range(images)]
    return np.stack([cv2.normalize(n, None, 40, 215, cv2.NORM_MINMAX).astype(np.uint8) for n in noise])


# --- the mirror -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("marker_frame", ["camera", "ground"])
def test_mirroring_twice_is_nothing(marker_frame):
    sample = make_sample(marker_frame=marker_frame)
    twice = mirror_sample(mirror_sample(copy.deepcopy(sample)))
    for name in ("images", "coordinates", "coordinate_velocities", "inertial_torques", "foot_jacobians",
                 "physics_wrenches", "gt_torques", "valid", "landmark_visibility", "landmarks_world", "landmark_valid",
                 "gt_grf", "gt_contact", "gt_grf_valid"):  # fmt: skip
        np.testing.assert_array_equal(twice[name], sample[name], err_msg=name)
    lonely = np.isin(MARKERS, ("r_sh4", "r_thigh5"))
    for name in ("markers", "marker_velocities", "marker_valid"):
        np.testing.assert_array_equal(twice[name][:, ~lonely], sample[name][:, ~lonely])
    targets = ~np.isin(MARKERS, CLUSTER_MARKERS)
    np.testing.assert_array_equal(twice["gt_marker_valid"], sample["gt_marker_valid"] & targets)
    np.testing.assert_array_equal(twice["gt_markers"][:, targets], sample["gt_markers"][:, targets])
    assert not twice["gt_markers"][:, ~targets].any()


def test_a_symmetric_pose_is_its_own_mirror():
    sample = make_sample(marker_frame="ground")
    for name in ("gt_markers", "markers"):
        sample[name] = np.zeros((L, 51, 3), np.float32)
        for i, marker in enumerate(MARKERS):
            side = {"r": 1, "R": 1, "L": -1}.get(marker[0], 0)
            place = np.frombuffer(marker[1:].lower().encode().ljust(20)[:20], np.uint8).astype(np.float32)
            sample[name][:, i] = place[:10].sum(), place[10:].sum(), side * place.sum()
    sample["gt_marker_valid"][:] = sample["valid"][:] = True
    for name in ("coordinates", "inertial_torques"):
        for i, coordinate in enumerate(COORDINATES):
            plain = coordinate.replace("_r", "_x").replace("_l", "_x") if coordinate[:3] not in ("pel", "lum") else ""
            sample[name][:, i] = 0 if coordinate in SAGITTAL_MIRROR_SIGN_FLIPS else len(plain) + 1.5
    sample["gt_torques"] = np.tile([1, 1, 2, 3, 3, 4, 4, 5, 5, 6, 6], (K, 1)).astype(np.float32)
    mirrored = mirror_sample(copy.deepcopy(sample))
    for name in ("coordinates", "inertial_torques", "gt_torques"):
        np.testing.assert_array_equal(mirrored[name], sample[name], err_msg=name)
    kept = mirrored["gt_marker_valid"]
    assert kept[:, ~np.isin(MARKERS, CLUSTER_MARKERS)].all()
    np.testing.assert_array_equal(mirrored["gt_markers"][kept], sample["gt_markers"][kept])
    paired = ~np.isin(MARKERS, ("r_sh4", "r_thigh5"))
    np.testing.assert_array_equal(mirrored["markers"][:, paired], sample["markers"][:, paired])


def test_left_and_right_swap_and_what_points_sideways_turns():
    sample, names = make_sample(), COORDINATES
    sample["valid"][:] = sample["gt_marker_valid"][:] = True
    mirrored = mirror_sample(copy.deepcopy(sample))
    for right, left in (("hip_flexion_r", "hip_flexion_l"), ("knee_angle_r_beta", "knee_angle_l_beta"),
                        ("pro_sup_r", "pro_sup_l")):  # fmt: skip
        np.testing.assert_array_equal(
            mirrored["coordinates"][:, names.index(right)], sample["coordinates"][:, names.index(left)]
        )
    for name, sign in (("pelvis_tilt", 1), ("pelvis_list", -1), ("pelvis_rotation", -1), ("pelvis_tx", 1),
                       ("pelvis_ty", 1), ("pelvis_tz", -1), ("lumbar_extension", 1), ("lumbar_bending", -1),
                       ("lumbar_rotation", -1)):  # fmt: skip
        i = names.index(name)
        np.testing.assert_array_equal(mirrored["coordinate_velocities"][:, i],
                                      sign * sample["coordinate_velocities"][:, i])  # fmt: skip
    knee_r, knee_l = (BENCHMARK_JOINTS.index(n) for n in ("knee_angle_r", "knee_angle_l"))
    np.testing.assert_array_equal(mirrored["gt_torques"][:, knee_r], sample["gt_torques"][:, knee_l])
    asis, c7 = MARKERS.index("r.ASIS"), MARKERS.index("C7")
    np.testing.assert_array_equal(mirrored["gt_markers"][:, asis],
                                  sample["gt_markers"][:, MARKERS.index("L.ASIS")] * [-1, 1, 1])  # fmt: skip
    np.testing.assert_array_equal(mirrored["markers"][:, c7], sample["markers"][:, c7] * [1, 1, -1])
    np.testing.assert_array_equal(mirrored["markers"][:, MARKERS.index("r_thigh5")],
                                  sample["markers"][:, MARKERS.index("L_thigh4")] * [1, 1, -1])  # fmt: skip
    np.testing.assert_array_equal(mirrored["images"], sample["images"][:, :, ::-1])
    np.testing.assert_array_equal(mirrored["gt_grf"][:, 0], sample["gt_grf"][:, 1] @ MIRROR.astype(np.float32))
    np.testing.assert_array_equal(mirrored["gt_contact"], sample["gt_contact"][:, [1, 0]])
    np.testing.assert_array_equal(mirrored["marker_valid"][:, MARKERS.index("r_toe")],
                                  sample["marker_valid"][:, MARKERS.index("L_toe")])  # fmt: skip


def test_equation_of_motion_holds_for_the_mirrored_person():
    """Torques = inertial - J^T W, each foot's wrench W = (moment, force), must mirror into itself."""
    sample = make_sample(torque_names=COORDINATES)
    wrench = sample["physics_wrenches"][:K]
    torques = sample["inertial_torques"][:K] - np.einsum("kfwc,kfw->kc", sample["foot_jacobians"][:K], wrench)
    sample["gt_torques"], sample["valid"] = torques.astype(np.float32), np.ones((K, len(COORDINATES)), bool)
    mirrored = mirror_sample(sample)
    force = wrench[:, ::-1, 3:] @ MIRROR
    moment = np.linalg.det(MIRROR) * wrench[:, ::-1, :3] @ MIRROR  # an axial vector
    mirrored_wrench = np.concatenate([moment, force], axis=-1)
    np.testing.assert_array_equal(mirrored["physics_wrenches"][:K], mirrored_wrench)
    expected = mirrored["inertial_torques"][:K] - np.einsum(
        "kfwc,kfw->kc", mirrored["foot_jacobians"][:K], mirrored_wrench
    )
    np.testing.assert_allclose(mirrored["gt_torques"], expected, atol=1e-5)
    assert not np.allclose(mirrored["gt_torques"], torques)


def test_mirrored_jacobian_gives_the_mirrored_foot_velocity():
    sample = make_sample()
    velocity = np.einsum("lfwc,lc->lfw", sample["foot_jacobians"], sample["coordinate_velocities"])
    mirrored = mirror_sample(sample)
    found = np.einsum("lfwc,lc->lfw", mirrored["foot_jacobians"], mirrored["coordinate_velocities"])
    np.testing.assert_allclose(found[..., 3:], velocity[:, ::-1, 3:] @ MIRROR, atol=1e-4)
    np.testing.assert_allclose(found[..., :3], -velocity[:, ::-1, :3] @ MIRROR, atol=1e-4)


def test_mirrored_markers_project_onto_the_mirrored_picture():
    """The camera sees a marker at x; in the mirrored picture its counterpart is at width - 1 - x."""
    sample = make_sample()
    sample["gt_marker_valid"][:] = True
    intrinsics = np.array([[60.0, 0, (W - 1) / 2], [0, 60.0, (H - 1) / 2], [0, 0, 1]])
    pelvis = np.array([0.0, 0.1, 5.0])

    def project(markers):
        at = (markers + pelvis) @ intrinsics.T
        return at[..., :2] / at[..., 2:]

    before, after = project(sample["gt_markers"]), project(mirror_sample(sample)["gt_markers"])
    for right, left in (("r_knee", "L_knee"), ("L_toe", "r_toe"), ("C7", "C7")):
        mirrored = before[:, MARKERS.index(left)] * [-1, 1] + [W - 1, 0]
        np.testing.assert_allclose(after[:, MARKERS.index(right)], mirrored, rtol=1e-4)


def test_a_torque_whose_other_side_is_not_asked_for_becomes_invalid():
    names = ("knee_angle_r", "lumbar_bending", "lumbar_extension")
    sample = make_sample(torque_names=names)
    sample["valid"][:] = True
    mirrored = mirror_sample(sample)
    assert mirrored["valid"].all(axis=0).tolist() == [False, True, True]
    assert not mirrored["valid"][:, 0].any()
    np.testing.assert_array_equal(mirrored["gt_torques"], sample["gt_torques"] * [0, -1, 1])


# --- images ---------------------------------------------------------------------------------------------------------
def test_colour_matrix_is_that_of_torchvision():
    image = smooth(1)[0]
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    grey = float(functional.rgb_to_grayscale(tensor).float().mean())

    def apply(**changes):
        values = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "turn": 0.0, "grey": grey} | changes
        return cv2.transform(image, colour_matrix(**values)).astype(float)

    for found, expected in (
        (apply(brightness=1.15), functional.adjust_brightness(tensor, 1.15)),
        (apply(contrast=0.7), functional.adjust_contrast(tensor, 0.7)),
        (apply(contrast=1.2), functional.adjust_contrast(tensor, 1.2)),
        (apply(saturation=0.6), functional.adjust_saturation(tensor, 0.6)),
        (apply(), tensor),
    ):
        assert np.abs(found - expected.permute(1, 2, 0).numpy()).max() <= 1.5


def test_hue_turns_by_the_angle_and_keeps_grey():
    third = colour_matrix(1, 1, 1, 2 * np.pi / 3, 128)
    np.testing.assert_allclose(third[:, :3], [[0, 0, 1], [1, 0, 0], [0, 1, 0]], atol=1e-12)  # red -> green -> blue
    for turn in (0.3, -1.0):
        np.testing.assert_allclose(colour_matrix(1, 1, 1, turn, 0) @ [90, 90, 90, 1], [90, 90, 90])


def test_crop_jitter_is_a_zoom_about_the_shifted_centre():
    images = smooth()
    jitter = TRANSFORMS.build({"type": "CropJitter", "scale": 0.3, "shift": 0.1})
    out = jitter({"images": images, "rng": np.random.default_rng(3)})["images"]
    rng = np.random.default_rng(3)
    scale = 1.3 ** rng.uniform(-1, 1)
    dx, dy = rng.uniform(-0.1, 0.1, 2) * (W, H)
    cx, cy = (W - 1) / 2, (H - 1) / 2
    for y, x in ((20, 24), (12, 30), (28, 15)):
        source_x, source_y = (x - cx - dx) / scale + cx, (y - cy - dy) / scale + cy
        expected = cv2.getRectSubPix(images[1].astype(np.float32), (1, 1), (source_x, source_y))[0, 0]
        np.testing.assert_allclose(out[1, y, x], expected, atol=3)
    still = TRANSFORMS.build({"type": "CropJitter", "scale": 0, "shift": 0})
    np.testing.assert_array_equal(still({"images": images, "rng": np.random.default_rng(0)})["images"], images)


@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
def test_occlusion_is_one_rectangle_of_at_most_its_share_in_every_image(share):
    images = smooth(3)
    hide = TRANSFORMS.build({"type": "RandomOcclusion", "prob": 1.0, "max_share": share})
    for seed in range(30):
        out = hide({"images": images.copy(), "rng": np.random.default_rng(seed)})["images"]
        changed = (out != images).any(axis=-1)
        ys, xs = np.nonzero(changed.any(axis=0))
        area = (np.ptp(ys) + 1) * (np.ptp(xs) + 1)
        assert area <= max(share * H * W * 1.1, 30)
        inside = np.s_[:, ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        assert (out[inside] == out[inside][:1]).all()  # the same in all images
        outside = np.ones((H, W), bool)
        outside[inside[1:]] = False
        np.testing.assert_array_equal(out[:, outside], images[:, outside])
    never = TRANSFORMS.build({"type": "RandomOcclusion", "prob": 0.0, "max_share": share})
    np.testing.assert_array_equal(never({"images": images, "rng": np.random.default_rng(0)})["images"], images)


@pytest.mark.parametrize("prob", [0.0, 0.3, 1.0])
def test_flip_happens_as_often_as_it_says(prob):
    flip = TRANSFORMS.build({"type": "HorizontalFlip", "prob": prob})
    rng = np.random.default_rng(0)
    images = smooth(1)
    flipped = [not np.array_equal(flip({"images": images, "rng": rng})["images"], images) for _ in range(300)]
    assert np.mean(flipped) == pytest.approx(prob, abs=0.09)


@pytest.mark.parametrize("config", ALL)
def test_without_images_an_image_transform_draws_and_changes_nothing_else(config):
    transform = TRANSFORMS.build(config)
    sample = {"rng": np.random.default_rng(0), "mass": 1.0}
    assert set(transform(sample)) == {"rng", "mass"}


@pytest.mark.parametrize(
    "config",
    [
        {"type": "CropJitter", "scale": -0.1},
        {"type": "CropJitter", "shift": 1.5},
        {"type": "ColourJitter", "brightness": 2},
        {"type": "ColourJitter", "hue": 0.7},
        {"type": "RandomOcclusion", "prob": 1.2},
        {"type": "RandomOcclusion", "max_share": 0},
        {"type": "HorizontalFlip", "prob": -1},
    ],
)
def test_a_value_out_of_range_is_named(config):
    with pytest.raises(ConfigError, match=config["type"]):
        TRANSFORMS.build(config)


# --- in the data set ------------------------------------------------------------------------------------------------
def test_an_augmented_clip_keeps_equal_images_equal(tiny_data_file, tiny_split):
    build = {"data_file": tiny_data_file, "split": tiny_split, "requires": MODALITIES, "window": 5, "predictions": 7,
             "marker_frame": "camera", "grf": True}  # fmt: skip
    plain, augmented = VIDDataset(**build), VIDDataset(**build, pipeline=ALL)
    for i in range(0, len(plain), 4):
        old, new = plain[i]["inputs"], augmented[i]["inputs"]
        assert torch.equal(old["frame_is_new"], new["frame_is_new"])
        for row, is_new in enumerate(new["frame_is_new"].tolist()[1:], 1):
            assert is_new or torch.equal(new["frames"][row], new["frames"][row - 1])
        assert not torch.equal(old["frames"], new["frames"])
        assert {k: (v.shape, v.dtype) for k, v in old.items()} == {k: (v.shape, v.dtype) for k, v in new.items()}


def test_a_flipped_clip_is_the_mirrored_trial(tiny_data_file, tiny_split):
    build = {"data_file": tiny_data_file, "split": tiny_split, "requires": ["frames", "coordinates"], "window": 5}
    plain, flipped = VIDDataset(**build), VIDDataset(**build, pipeline=[{"type": "HorizontalFlip", "prob": 1.0}])
    data = DataFile(tiny_data_file)
    for i in (0, 50, 110):
        old, new = plain[i], flipped[i]
        assert torch.equal(new["inputs"]["frames"], old["inputs"]["frames"].flip(-1))
        labels = new["data_samples"]
        torques = data.trial(labels.subject, labels.trial).array("torques")[labels.frame_indices[0]]
        swapped = {"_r": "_l", "_l": "_r"}
        names = [n[:-2] + swapped[n[-2:]] if n[-2:] in swapped else n for n in BENCHMARK_JOINTS]
        np.testing.assert_array_equal(labels.gt_torques[0], torques[[COORDINATES.index(n) for n in names]])


def test_transforms_do_not_touch_the_data_set_s_memory(tiny_data_file, tiny_split):
    build = {"data_file": tiny_data_file, "split": tiny_split, "requires": MODALITIES, "window": 5,
             "marker_frame": "ground", "grf": True}  # fmt: skip
    dataset = VIDDataset(**build, pipeline=[{"type": "HorizontalFlip", "prob": 1.0}])
    first, again = dataset[2], dataset[2]
    for name in MODALITIES:
        assert torch.equal(first["inputs"][name], again["inputs"][name])
    assert all(torch.equal(a, b) for a, b in itertools.zip_longest(
        first["data_samples"].values(), again["data_samples"].values()))  # fmt: skip
