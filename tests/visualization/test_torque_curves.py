"""Torque curves: what is drawn, which trial is chosen, and the tool."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from vidzoo.anatomy import BENCHMARK_JOINTS, COORDINATES
from vidzoo.errors import DataError
from vidzoo.evaluation.labels import load_labels
from vidzoo.io.data_file import DataFile
from vidzoo.io.predictions import Predictions, write_predictions
from vidzoo.io.splits import Split
from vidzoo.visualization.overview import plot_overview
from vidzoo.visualization.torque_curves import (
    RecordingCurves,
    plot_recording,
    plot_torque_curves,
    save_figure,
    typical_recording,
)

TOOL = Path(__file__).resolve().parents[2] / "tools" / "plot_torques.py"


@pytest.fixture(scope="module")
def case(tiny_data_file, tiny_split):
    """Predictions whose error grows from recording to recording: 3, 6, ... 18 N·m everywhere."""
    data, split = DataFile(tiny_data_file), Split.load(tiny_split)
    labels = load_labels(data, split.test)
    torques = (labels.torques + 3.0 * (labels.unit[:, None] + 1)).astype(np.float32)
    camera = np.full(len(labels), "Cam0")
    return Predictions(labels.subject, labels.trial, camera, labels.frame, torques, split.hash), data, split


def test_panels_hold_the_data_and_break_at_gaps():
    rng = np.random.default_rng(0)
    time = np.r_[np.arange(10), np.arange(20, 30)] / 100
    true, predicted = rng.normal(size=(2, 20, 11))
    valid = np.ones((20, 11), bool)
    valid[3:6, 2] = valid[19, 2] = False
    figure = plot_torque_curves(RecordingCurves(time, true, {"model": predicted}, valid, "title", np.arange(20)))
    panels = figure.axes[:11]
    assert [panel.get_title().split()[0] for panel in panels] == list(BENCHMARK_JOINTS)
    for j, panel in enumerate(panels):
        zero, truth, model = panel.get_lines()[:3]
        assert zero.get_ydata()[0] == 0
        for line, values in ((truth, true), (model, predicted)):
            drawn = line.get_ydata()
            assert np.isnan(drawn[10]) and len(drawn) == 21
            np.testing.assert_array_equal(drawn[~np.isnan(drawn)], values[:, j])
        error = np.abs(true - predicted)[valid[:, j], j].mean()
        assert f"({error:.3f})" in panel.get_title()
    assert [len(panel.patches) for panel in panels] == [1 if j == 0 else 2 if j == 2 else 0 for j in range(11)]
    spans = [patch.get_extents().transformed(panels[2].transData.inverted()) for patch in panels[2].patches]
    np.testing.assert_allclose([spans[0].x0, spans[0].x1], [0.025, 0.055], atol=1e-6)
    assert figure.get_suptitle() == "title"


def test_typical_recording_is_the_one_next_to_the_median(case):
    masses = {"subject1": 60, "subject2": 61}
    recordings = [(subject, trial) for subject in masses for trial in ("DJ1", "squats1", "walking1")]
    errors = {key: 3.0 * (k + 1) / masses[key[0]] for k, key in enumerate(recordings)}
    median = np.median(list(errors.values()))
    nearest = sorted(errors, key=lambda key: abs(errors[key] - median))[:2]
    assert typical_recording(*case) in nearest


def test_a_recording_is_drawn_per_kg_and_says_what_it_is(case):
    predictions, data, split = case
    figure = plot_recording(predictions, data, split, "subject2", "squats1")
    title = figure.get_suptitle()
    assert title == "subject2 squats1 · held out by protocol block · synthetic motion, synthetic images"
    _, truth, model = figure.axes[0].get_lines()[:3]
    np.testing.assert_allclose(truth.get_xdata(), np.arange(29, 40) / 100)
    np.testing.assert_allclose(model.get_ydata() - truth.get_ydata(), 15 / 61, rtol=1e-5)
    leaky = replace(split, protocol="random_frame")
    leaky_predictions = replace(predictions, split_hash=leaky.hash)
    assert "(leaks)" in plot_recording(leaky_predictions, data, leaky, "subject1", "DJ1").get_suptitle()


def test_what_is_not_held_out_or_not_predicted_is_refused(case):
    predictions, data, split = case
    with pytest.raises(DataError, match="subject9/DJ1 is not in the split's test subset; it holds subject1/DJ1"):
        plot_recording(predictions, data, split, "subject9", "DJ1")
    with pytest.raises(DataError, match="they were made for the split 000000000000, not for this one"):
        plot_recording(replace(predictions, split_hash="0" * 64), data, split, "subject2", "DJ1")

    def keep(rows):
        columns = ("subject", "trial", "camera", "frame", "torques")
        return replace(predictions, **{name: getattr(predictions, name)[rows] for name in columns})

    there = (predictions.subject == "subject2") & (predictions.trial == "DJ1")
    with pytest.raises(DataError, match="hold no frame of subject2/DJ1"):
        plot_recording(keep(~there), data, split, "subject2", "DJ1")
    with pytest.raises(DataError, match="lack 1 of 11 test frames of subject2/DJ1, the first is frame 30"):
        plot_recording(keep(~(there & (predictions.frame == 30))), data, split, "subject2", "DJ1")


def test_an_overview_shows_the_legs_beside_the_image_of_the_largest_knee_torque(case):
    predictions, data, split = case
    figure = plot_overview(predictions, data, split, "subject2", "squats1")
    picture, *panels = figure.axes
    names = [f"{joint}_{side}" for side in "rl" for joint in ("hip_flexion", "knee_angle", "ankle_angle")]
    assert [panel.get_title() for panel in panels] == names
    knees = [COORDINATES.index(f"knee_angle_{side}") for side in "rl"]
    torques = np.abs(data.trial("subject2", "squats1").array("torques")[29:40][:, knees])
    marks = {float(line.get_xdata()[0]) for panel in panels for line in panel.get_lines() if line.get_ls() == ":"}
    assert list(marks) == pytest.approx([(29 + int(torques.max(axis=1).argmax())) / 100])
    assert picture.images and picture.get_lines()
    bare = replace(split, data_hash=data.content_hash)
    with pytest.raises(DataError, match="not in the split's test subset"):
        plot_overview(predictions, data, bare, "subject9", "squats1")


def test_saving_is_all_or_nothing(case, tmp_path):
    figure = plot_recording(*case, "subject1", "DJ1")
    save_figure(figure, tmp_path / "a.png", dpi=60)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image is not None and image.std() > 10
    with pytest.raises(DataError, match="does not exist"):
        save_figure(figure, tmp_path / "no" / "a.png")


def test_the_format_is_the_names(case, tmp_path):
    figure = plot_recording(*case, "subject1", "DJ1")
    for name, start in (("a.pdf", b"%PDF"), ("a.SVG", b"<?xml"), ("a.png", b"\x89PNG")):
        save_figure(figure, tmp_path / name, dpi=60)
        assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(DataError, match=r"a\.txt: there is no such picture format; give a name that ends in \.png"):
        save_figure(figure, tmp_path / "a.txt")
    assert len(list(tmp_path.iterdir())) == 3


def test_tool_draws_and_refuses(case, tiny_data_file, tiny_split, tmp_path):
    write_predictions(tmp_path / "p.npz", case[0])
    common = [str(tmp_path / "p.npz"), "--data", str(tiny_data_file), "--split", str(tiny_split)]

    def run(*more: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, str(TOOL), *common, *more], capture_output=True, text=True)

    done = run("--out", str(tmp_path / "c.png"))
    assert done.returncode == 0 and "subject" in done.stdout, done.stderr
    assert cv2.imread(str(tmp_path / "c.png")) is not None
    done = run("--out", str(tmp_path / "overview.png"), "--overview")
    assert done.returncode == 0 and cv2.imread(str(tmp_path / "overview.png")) is not None, done.stderr
    for more, said in (
        (("--out", str(tmp_path / "d.png"), "--subject", "subject1"), "go together"),
        (("--out", str(tmp_path / "d.png"), "--subject", "x", "--trial", "y"), "not in the split's test subset"),
    ):
        refused = run(*more)
        assert refused.returncode == 2 and said in refused.stderr and "Traceback" not in refused.stderr
    assert not (tmp_path / "d.png").exists()
