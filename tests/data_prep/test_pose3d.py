"""Converters of pose sets: tiny files in each set's layout, back to the places that they were made of."""

import json
import re
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pose_sets
import pytest

from vidzoo.anatomy import MARKERS, POSE_JOINTS, mirror_index
from vidzoo.data_prep.pose3d import joints as maps
from vidzoo.data_prep.pose3d import prepare_pose3d
from vidzoo.data_prep.pose3d.muco import clear_people
from vidzoo.datasets import Pose3DDataset
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.pose_file import PoseFile

TOOL = Path(__file__).parents[2] / "tools/prepare_pose3d.py"
SETS = {
    "human36m": (pose_sets.write_human36m, {"Head", "R_Hand", "L_Hand", "R_Toe", "L_Toe"}),
    "mpi_inf_3dhp": (pose_sets.write_mpi_inf_3dhp, {"R_Hand", "L_Hand", "R_Toe", "L_Toe"}),
    "muco": (pose_sets.write_muco, set()),
}
"""Each set's writer and the joints that it has not."""


def labels(path):
    file = PoseFile(path)
    count = len(file.offsets()) - 1
    return {name: file.labels(name, count) for name in ("joints", "pixels", "intrinsics", "crop")}


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        # The pairs that the sets' own code swaps when it mirrors a picture, by number (3DMPPE PoseNet).
        (maps.HUMAN36M_JOINTS, ((1, 4), (2, 5), (3, 6), (14, 11), (15, 12), (16, 13))),
        (maps.MPI_INF_3DHP_JOINTS, ((2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13))),
        (maps.MUCO_JOINTS, ((2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13), (17, 18), (19, 20))),
        (maps.COCO_JOINTS, ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16))),
    ],
)
def test_left_and_right_of_each_set(names, pairs):
    others = list(range(len(names)))
    for a, b in pairs:
        others[a], others[b] = b, a
    assert mirror_index(names) == others


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (maps.HUMAN36M, maps.HUMAN36M_JOINTS),
        (maps.MPI_INF_3DHP, maps.MPI_INF_3DHP_JOINTS),
        (maps.MUCO, maps.MUCO_JOINTS),
        (maps.COCO, maps.COCO_JOINTS),
        (maps.MARKERS, MARKERS),
    ],
)
def test_a_mirrored_body_gives_the_mirrored_joints(sources, names):
    values = np.random.default_rng(0).normal(size=(len(names), 3))
    mirrored = maps.to_pose_joints(values[mirror_index(names)], names, sources)
    np.testing.assert_array_equal(mirrored, maps.to_pose_joints(values, names, sources)[mirror_index(POSE_JOINTS)])
    for joint, parts in sources.items():
        subsets = {part[0].upper() for part in parts if part[0] in "rRlL" and part[1] in "_."}
        assert subsets <= {joint[0]} or joint in ("Thorax", "Pelvis")


@pytest.mark.parametrize("kind", SETS)
def test_joints_are_where_they_were(kind, tmp_path):
    write, missing = SETS[kind]
    shares = prepare_pose3d(kind, *write(tmp_path), tmp_path / "p.h5", image_size=96)
    found = labels(tmp_path / "p.h5")
    first = found["joints"][0]
    at = first[POSE_JOINTS.index("Pelvis")]
    for joint, place in zip(POSE_JOINTS, first):
        if joint in missing:
            assert np.isnan(place).all() and shares[joint] == 0
        else:
            np.testing.assert_allclose(place, pose_sets.place(joint, at), atol=1e-5, err_msg=joint)
    for image, pixels in zip(found["joints"], found["pixels"]):
        expected = np.array([pose_sets.pixel(j) for j in image])
        np.testing.assert_allclose(pixels, expected, atol=1e-3)
    np.testing.assert_allclose(found["intrinsics"][0] @ [0, 0, 1], [*pose_sets.CENTRE, 1])


@pytest.mark.parametrize("kind", [*SETS, "coco"])
def test_the_right_wrist_is_where_the_picture_shows_it(kind, tmp_path):
    """Through box, crop, JPEG and data set: the drawn discs are under the labels, right red, left green."""
    write = pose_sets.write_coco if kind == "coco" else SETS[kind][0]
    prepare_pose3d(kind, *write(tmp_path), tmp_path / "p.h5", image_size=256)
    for size in (256, 128):
        sample = Pose3DDataset(pose_files=tmp_path / "p.h5", image_size=size)[0]
        picture = sample["inputs"]["frames"][0].permute(1, 2, 0).numpy().astype(int)
        pose, valid = (sample["data_samples"].get(key)[0].numpy() for key in ("gt_pose", "gt_pose_valid"))
        for name, channel in (("R_Wrist", 0), ("L_Wrist", 1)):
            assert valid[POSE_JOINTS.index(name), :2].all()
            x, y = np.round(pose[POSE_JOINTS.index(name), :2]).astype(int)
            colour = picture[y, x]
            assert colour[channel] > 150 and np.delete(colour, channel).max() < 90, (name, colour)
        assert pose[POSE_JOINTS.index("R_Wrist"), 0] < pose[POSE_JOINTS.index("L_Wrist"), 0]


def test_human36m_by_subject_and_in_both_readings_of_the_camera(tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    for root, as_place in ((new, False), (old, True)):
        sources = pose_sets.write_human36m(root, as_place)
        for subset in ("train", "test"):
            prepare_pose3d("human36m", *sources, root / f"{subset}.h5", subset=subset, image_size=64)
    for subset, subject in (("train", 1), ("test", 9)):
        found = labels(new / f"{subset}.h5")["joints"]
        np.testing.assert_allclose(found, labels(old / f"{subset}.h5")["joints"], atol=1e-6)
        depth = found[:, POSE_JOINTS.index("Pelvis"), 2]
        np.testing.assert_allclose(depth, 4.0 + 0.1 * subject, atol=1e-6)


def test_a_camera_that_does_not_see_its_people_is_one_sentence(tmp_path):
    annotations, images = pose_sets.write_human36m(tmp_path, subjects=(1,))
    path = annotations / "Human36M_subject1_camera.json"
    cameras = json.loads(path.read_text())
    cameras["3"]["t"][0] += 3000
    path.write_text(json.dumps(cameras))
    with pytest.raises(DataError, match=r"subject1_data\.json.*neither as R x \+ t nor as R \(x - t\)"):
        prepare_pose3d("human36m", annotations, images, tmp_path / "p.h5")
    assert not (tmp_path / "p.h5").exists()


def test_muco_takes_the_nearest_and_who_stands_clear(tmp_path):
    people = (*pose_sets.MUCO_PEOPLE, (0.0, 0, 6.0))
    shares = prepare_pose3d("muco", *pose_sets.write_muco(tmp_path, people), tmp_path / "p.h5", image_size=64)
    assert shares["images"] == 2
    roots = labels(tmp_path / "p.h5")["joints"][:, POSE_JOINTS.index("Pelvis")]
    np.testing.assert_allclose(roots, [people[3], people[4]], atol=1e-6)
    assert clear_people(np.zeros((0, 3))) == []
    assert clear_people(np.array([[0, 0, 4.0], [0, 0.6, 4.0], [0, 0.1, 9.0]])) == [0, 1]


def test_coco_has_no_depth(tmp_path):
    assert prepare_pose3d("coco", *pose_sets.write_coco(tmp_path), tmp_path / "p.h5", image_size=64)["images"] == 1
    sample = Pose3DDataset(pose_files=tmp_path / "p.h5", image_size=64)[0]["data_samples"]
    valid = dict(zip(POSE_JOINTS, sample.gt_pose_valid[0].tolist()))
    absent = {"Head_top", "Head", "Spine", "R_Hand", "L_Hand", "R_Toe", "L_Toe", "L_Knee"}
    assert valid == {name: [name not in absent] * 2 + [False] for name in POSE_JOINTS}
    assert not sample.gt_joint_valid.any() and sample.root_depth.isnan().all() and sample.intrinsics.isnan().all()
    pixels = labels(tmp_path / "p.h5")["pixels"][0]
    for middle, part in (("Thorax", "Shoulder"), ("Pelvis", "Hip")):
        both = [pose_sets.pixel(pose_sets.place(f"{subset}_{part}")) for subset in "LR"]
        np.testing.assert_allclose(pixels[POSE_JOINTS.index(middle)], np.mean(both, axis=0), atol=1e-4)


def test_every_takes_each_nth_person(tmp_path):
    sources = pose_sets.write_human36m(tmp_path, subjects=(1, 5, 6))
    prepare_pose3d("human36m", *sources, tmp_path / "all.h5", image_size=64)
    prepare_pose3d("human36m", *sources, tmp_path / "some.h5", image_size=64, every=3)
    np.testing.assert_array_equal(labels(tmp_path / "some.h5")["joints"], labels(tmp_path / "all.h5")["joints"][::3])


def change(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda c: c["annotations"][0].pop("keypoints"), r"json: is not laid out as expected \(no 'keypoints'\)"),
        (lambda c: c["annotations"][0]["keypoints"].pop(), r"\(50,\) where \(51,\) finite numbers"),
        (lambda c: c["annotations"][0].update(bbox=[0, 0, float("nan"), 4]), "finite numbers should be"),
        (lambda c: c["images"][0].update(file_name="other.jpg"), r"other\.jpg: no such image"),
        (lambda c: c["images"][0].update(width=199), "has 200 x 160 pixels, but its annotation says 199 x 160"),
        (lambda c: c["annotations"][0].update(bbox=[500, 0, 20, 20]), "there is no image to write"),
        (lambda c: c.pop("images"), "no 'images'"),
    ],
)
def test_broken_annotations_are_one_sentence(edit, said, tmp_path):
    annotations, images = pose_sets.write_coco(tmp_path)
    change(annotations, edit)
    with pytest.raises(DataError, match=said):
        prepare_pose3d("coco", annotations, images, tmp_path / "p.h5")
    assert not list(tmp_path.glob("*.h5")) and not list(tmp_path.glob(".*"))


def test_a_picture_that_is_none_is_one_sentence(tmp_path):
    annotations, images = pose_sets.write_coco(tmp_path)
    next(images.iterdir()).write_bytes(b"")
    with pytest.raises(DataError, match="cannot be decoded as an image"):
        prepare_pose3d("coco", annotations, images, tmp_path / "p.h5")


def test_a_rotated_photograph_is_read_as_stored(tmp_path):
    """Cameras note how they were held; annotations are of the stored pixels."""
    annotations, images = pose_sets.write_coco(tmp_path)
    path = next(images.iterdir())
    jpeg = path.read_bytes()
    orientation_6 = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    segment = b"Exif\x00\x00" + orientation_6
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:])
    assert cv2.imread(str(path)).shape[:2] == pose_sets.SIZE
    assert prepare_pose3d("coco", annotations, images, tmp_path / "p.h5")["images"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("muco", "a.json", "i", "--subset", "test"), "muco is a training set alone"),
        (("coco", "a.json"), "give annotations and the folder of the images"),
        (("coco", "a.json", "nowhere"), "nowhere: no such folder of images"),
        (("coco", "a.json", "."), "a.json: no such annotation file"),
        (("human36m", ".", "."), r"holds no Human36M_subject\*_data.json of the train subjects 1, 5, 6, 7, 8"),
        (("vid", "a.h5"), "--split SPLIT.json: test images must not be learnt"),
        (("coco", "a.json", ".", "--every", "0"), "argument --every: .0.: expected a whole number, 1 or more"),
    ],
)
def test_the_tool_ends_with_one_sentence(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["prepare_pose3d.py", *arguments, "--out", "p.h5"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(TOOL), run_name="__main__")
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert end.value.code == 2 and re.match(r"(python tools/prepare_pose3d.py: )?error: ", error)
    assert re.search(said, error), error


def test_the_tool_builds_and_tells(tmp_path, monkeypatch, capsys):
    annotations, images = pose_sets.write_muco(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["x", "muco", str(annotations), str(images), "--out", str(tmp_path / "p.h5"), "--jobs", "1"]
    )
    runpy.run_path(str(TOOL), run_name="__main__")
    printed = capsys.readouterr().out
    assert "1 images" in printed and "R_Toe 100%" in printed


def test_an_unknown_kind_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="choose one of human36m, mpi_inf_3dhp, muco, coco, vid"):
        prepare_pose3d("lsp", tmp_path, tmp_path, tmp_path / "p.h5")
