"""Pose files and the data set that reads them."""

import pickle

import cv2
import h5py
import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate

from vidzoo.anatomy import POSE_JOINTS, mirror_index
from vidzoo.data_prep.crop import crop_image
from vidzoo.datasets import Pose3DDataset
from vidzoo.datasets.transforms import mirror_sample
from vidzoo.errors import ConfigError, DataError
from vidzoo.geometry import crop_matrix
from vidzoo.io.pose_file import PoseFile, PoseImage, PoseWriter
from vidzoo.registry import DATASETS, TRANSFORMS

J = len(POSE_JOINTS)
ROOT, ELBOW = POSE_JOINTS.index("Pelvis"), POSE_JOINTS.index("L_Elbow")
INTRINSICS = np.array([[150.0, 0, 60], [0, 140, 50], [0, 0, 1]])
CROP = np.array([20.0, 10, 80, 80])


def project(intrinsics, joints):
    seen = joints @ np.asarray(intrinsics).T
    return seen[..., :2] / seen[..., 2:]


def make_image(seed, size=64):
    """Make a person whose left elbow is a bright disc; the right hand has no depth, the spine nothing at all."""
    rng = np.random.default_rng(seed)
    joints = rng.uniform([-0.6, -0.6, 3.7], [0.6, 0.6, 4.3], (J, 3))
    pixels = project(INTRINSICS, joints)
    source = np.full((100, 120, 3), 60, np.uint8)
    cv2.circle(source, tuple(np.round(pixels[ELBOW] * 16).astype(int).tolist()), 3 * 16, (250, 250, 250), -1, shift=4)
    joints[POSE_JOINTS.index("R_Hand")] = np.nan
    joints[POSE_JOINTS.index("Spine")] = pixels[POSE_JOINTS.index("Spine")] = np.nan
    picture = crop_image(source, CROP, size)
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    return PoseImage(jpeg, CROP, pixels, joints, INTRINSICS)


def write(path, seeds, subset="train", **hashes):
    with PoseWriter(path, "tests", subset, {}, **hashes) as writer:
        for seed in seeds:
            writer.add(make_image(seed))
    return path


@pytest.fixture(scope="module")
def pose_file(tmp_path_factory):
    return write(tmp_path_factory.mktemp("pose") / "pose.h5", range(6))


def test_a_sample_is_what_was_written(pose_file):
    dataset = Pose3DDataset(pose_files=pose_file, image_size=64)
    assert len(dataset) == 6
    for index in (0, 5):
        image, sample = make_image(index), dataset[index]["data_samples"]
        pose, valid = sample.gt_pose[0].numpy(), sample.gt_pose_valid[0].numpy()
        joints = image.joints.astype(np.float32)
        known = np.isfinite(joints).all(axis=1)
        np.testing.assert_array_equal(valid, np.stack([*[np.isfinite(image.pixels).all(axis=1)] * 2, known], axis=1))
        # Pixel u of the source is at (u + 0.5 - x) * size / width - 0.5 in the picture.
        np.testing.assert_allclose(pose[valid[:, 0], 0], (image.pixels[valid[:, 0], 0] - 19.5) * 0.8 - 0.5, atol=1e-4)
        np.testing.assert_allclose(pose[valid[:, 1], 1], (image.pixels[valid[:, 1], 1] - 9.5) * 0.8 - 0.5, atol=1e-4)
        np.testing.assert_allclose(pose[known, 2], joints[known, 2] - joints[ROOT, 2], atol=1e-6)
        np.testing.assert_allclose(sample.gt_joints[0][known], (joints - joints[ROOT])[known], atol=1e-6)
        np.testing.assert_array_equal(sample.gt_joint_valid[0], known)
        assert sample.root_depth[0] == joints[ROOT, 2]
        assert not pose[~valid].any() and not sample.gt_joints[0][~torch.from_numpy(known)].any()


def brightest(picture):
    """Return the centre of the bright disc, x and y."""
    mask = picture.astype(float).mean(axis=2) > 150
    return np.argwhere(mask).mean(axis=0)[::-1]


@pytest.mark.parametrize("size", [32, 64, 96])
@pytest.mark.parametrize(
    "pipeline",
    [[], [{"type": "CropJitter", "scale": 0.3, "shift": 0.1}], [{"type": "HorizontalFlip", "prob": 1.0}]],
    ids=["plain", "jitter", "flip"],
)
def test_labels_and_camera_move_with_the_picture(pose_file, pipeline, size):
    dataset = Pose3DDataset(pose_files=pose_file, image_size=size, pipeline=pipeline)
    for index in range(6):
        data = dataset[index]
        sample = data["data_samples"]
        flipped = bool(pipeline) and pipeline[0]["type"] == "HorizontalFlip"
        elbow = POSE_JOINTS.index("R_Elbow") if flipped else ELBOW
        pose = sample.gt_pose[0].numpy()
        if (np.abs(2 * pose[elbow, :2] / size - 1) < 0.85).all():
            picture = data["inputs"]["frames"][0].permute(1, 2, 0).numpy()
            np.testing.assert_allclose(brightest(picture), pose[elbow, :2], atol=0.35 + size / 200)
        # The camera of the picture sees the joints where the labels are.
        joints = sample.gt_joints[0].numpy().astype(float)
        valid = sample.gt_pose_valid[0].numpy().all(axis=1)
        root = np.linalg.inv(sample.intrinsics[0].double()) @ np.append(pose[ROOT, :2], 1) * float(sample.root_depth[0])
        found = project(sample.intrinsics[0].double(), (joints + root.numpy())[valid])
        np.testing.assert_allclose(found, pose[valid, :2], atol=2e-2)


def test_a_flip_swaps_left_and_right_and_twice_is_nothing(pose_file):
    plain = Pose3DDataset(pose_files=pose_file, image_size=64)[0]["data_samples"]
    once = Pose3DDataset(pose_files=pose_file, image_size=64, pipeline=[mirror_sample])[0]["data_samples"]
    twice = Pose3DDataset(pose_files=pose_file, image_size=64, pipeline=[mirror_sample] * 2)[0]["data_samples"]
    swap = mirror_index(POSE_JOINTS)
    np.testing.assert_allclose(once.gt_joints[0], plain.gt_joints[0][swap] * torch.tensor([-1, 1, 1]), atol=1e-6)
    np.testing.assert_allclose(once.gt_pose[0, :, 2], plain.gt_pose[0, swap, 2], atol=1e-6)
    np.testing.assert_array_equal(once.gt_pose_valid[0], plain.gt_pose_valid[0][swap])
    for name in list(plain.keys()):
        np.testing.assert_allclose(twice.get(name), plain.get(name), atol=1e-5)


def test_the_crop_is_where_the_cutter_puts_it():
    """A disc of the source lands where the matrix says, at twice and half the size."""
    source = np.zeros((100, 120, 3), np.uint8)
    cv2.circle(source, (64, 37), 4, (255, 255, 255), -1)
    for size in (40, 160):
        expected = crop_matrix(CROP, (size, size)) @ [64, 37, 1]
        np.testing.assert_allclose(brightest(crop_image(source, CROP, size)), expected[:2], atol=0.3)


def test_augmentation_follows_from_seed_epoch_and_image(pose_file):
    def draw(seed, epoch):
        dataset = Pose3DDataset(pose_files=pose_file, image_size=64, pipeline=[{"type": "CropJitter"}])
        dataset.seed = seed
        dataset.set_epoch(epoch)
        return torch.stack([dataset[i]["data_samples"].gt_pose for i in (0, 1)])

    assert torch.equal(draw(3, 1), draw(3, 1))
    assert not torch.equal(draw(3, 1), draw(3, 2))
    assert not torch.equal(draw(3, 1), draw(4, 1))


def test_several_files_follow_each_other(pose_file, tmp_path):
    other = write(tmp_path / "other.h5", [7, 8])
    both = Pose3DDataset(pose_files=[pose_file, other], image_size=64)
    assert len(both) == 8
    assert torch.equal(both[6]["data_samples"].gt_pose, Pose3DDataset(pose_files=other, image_size=64)[0][
        "data_samples"].gt_pose)  # fmt: skip
    assert torch.equal(
        both[5]["inputs"]["frames"], Pose3DDataset(pose_files=pose_file, image_size=64)[5]["inputs"]["frames"]
    )
    with pytest.raises(IndexError):
        both[8]
    hashes = {Pose3DDataset(pose_files=f, image_size=64).metainfo["split_hash"] for f in (pose_file, other)}
    assert len({*hashes, both.metainfo["split_hash"]}) == 3


def test_it_is_registered_pickled_and_collated(pose_file):
    dataset = DATASETS.build({"type": "Pose3DDataset", "pose_files": str(pose_file), "image_size": 32})
    dataset[0]  # the handle is open
    copy = pickle.loads(pickle.dumps(dataset))
    batch = default_collate([copy[0], copy[1]])
    assert batch["inputs"]["frames"].shape == (2, 1, 3, 32, 32) and batch["inputs"]["frames"].dtype == torch.uint8
    assert [s.image for s in batch["data_samples"]] == [0, 1]


def test_image_transforms_of_clips_work_on_it(pose_file):
    pipeline = [{"type": "ColourJitter"}, {"type": "RandomOcclusion", "prob": 1.0}]
    plain = Pose3DDataset(pose_files=pose_file, image_size=64)[0]
    changed = Pose3DDataset(pose_files=pose_file, image_size=64, pipeline=pipeline)[0]
    assert not torch.equal(plain["inputs"]["frames"], changed["inputs"]["frames"])
    assert torch.equal(plain["data_samples"].gt_pose, changed["data_samples"].gt_pose)
    assert TRANSFORMS.get("CropJitter")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"subset": "val"}, "subset='val' must be 'train' or 'test'"),
        ({"pose_files": []}, "pose_files is empty"),
        ({"image_size": 0}, "image_size=0 must be 1 pixel or more"),
    ],
)
def test_a_wrong_argument_is_one_sentence(pose_file, options, said):
    with pytest.raises(ConfigError, match=said):
        Pose3DDataset(**{"pose_files": pose_file, **options})


def test_training_takes_no_test_file_and_no_two_splits(pose_file, tmp_path):
    test = write(tmp_path / "test.h5", [0], subset="test")
    with pytest.raises(DataError, match="holds test images, but the data set is the train subset"):
        Pose3DDataset(pose_files=[pose_file, test])
    a = write(tmp_path / "a.h5", [0], data_hash="v", split_hash="one")
    b = write(tmp_path / "b.h5", [0], data_hash="v", split_hash="two")
    with pytest.raises(DataError, match=r"b\.h5: comes from the data file of another .* by another split"):
        Pose3DDataset(pose_files=[a, b])
    assert Pose3DDataset(pose_files=[pose_file, a]).metainfo["data_splits"] == {"v": "one"}


def broken(path, tmp_path, change):
    copy = tmp_path / "broken.h5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        change(file)
    return copy


def _replace(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


def _external(file):
    del file["pixels"]
    file.create_dataset("pixels", (6, J, 2), "float32", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


def _link(file):
    del file["crop"]
    file["crop"] = h5py.ExternalLink("other.h5", "crop")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.attrs.update(version=3), r"format \('pose3d', 3\), expected"),
        (lambda f: f.attrs.update(joints="[]"), "its joints are not this version's"),
        (lambda f: f.attrs.__delitem__("subset"), "has no 'subset'"),
        (_replace("joints", np.zeros((5, J, 3), "f4")), r"joints is float32 \(5, 21, 3\), expected float32 \(6, 21, 3"),
        (_replace("jpeg_offsets", np.array([0, 5, 3, 9, 9, 9, 9])), "jpeg_offsets do not divide the image blob"),
        (_replace("jpeg_offsets", np.zeros((2, 2), int)), "jpeg_offsets do not divide"),
        (_replace("crop", np.full((6, 4), np.nan, "f4")), "image 0 has the crop"),
        (_external, "pixels keeps its data outside this file"),
        (_link, "crop is missing or a link"),
    ],
)
def test_a_broken_file_is_one_sentence(pose_file, tmp_path, change, said):
    with pytest.raises(DataError, match=said):
        Pose3DDataset(pose_files=broken(pose_file, tmp_path, change))


def test_a_broken_image_is_named(pose_file, tmp_path):
    def spoil(file):
        start = int(file["jpeg_offsets"][2])
        file["jpeg_blob"][start : start + 2] = 0

    dataset = Pose3DDataset(pose_files=[pose_file, broken(pose_file, tmp_path, spoil)])
    with pytest.raises(DataError, match=r"broken\.h5: image 2 is no JPEG that can be decoded"):
        dataset[8]


def test_writing_is_all_or_nothing(tmp_path):
    with (
        pytest.raises(DataError, match="there is no image to write"),
        PoseWriter(tmp_path / "p.h5", "t", "train", {}),
    ):
        pass
    with pytest.raises(KeyboardInterrupt), PoseWriter(tmp_path / "p.h5", "t", "train", {}) as writer:
        writer.add(make_image(0))
        raise KeyboardInterrupt
    with (
        pytest.raises(DataError, match=r"image 0: 'pixels' has shape \(20, 2\), expected \(21, 2\)"),
        PoseWriter(tmp_path / "p.h5", "t", "train", {}) as writer,
    ):
        image = make_image(0)
        writer.add(PoseImage(image.jpeg, image.crop, image.pixels[:20], image.joints, image.intrinsics))
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match=r"p\.h5: no such pose file; make one with 'vidzoo prepare-pose3d'"):
        PoseFile(tmp_path / "p.h5").offsets()
    (tmp_path / "p.h5").write_text("text")
    with pytest.raises(DataError, match="cannot be read as HDF5"):
        PoseFile(tmp_path / "p.h5").offsets()


def test_many_images_are_written_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("vidzoo.io.pose_file._BUFFER_BYTES", 4000)
    path = write(tmp_path / "p.h5", range(6))
    monkeypatch.undo()
    whole = write(tmp_path / "q.h5", range(6))
    a, b = PoseFile(path), PoseFile(whole)
    assert a.attribute("content_hash") == b.attribute("content_hash")
    end = int(b.offsets()[-1])
    np.testing.assert_array_equal(a.jpeg(0, end), b.jpeg(0, end))
    assert write(tmp_path / "r.h5", range(1, 7)) and PoseFile(tmp_path / "r.h5").attribute(
        "content_hash"
    ) != a.attribute("content_hash")
