"""The METRICS plug-in: from data samples to files, in one process and in two."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import Evaluator
from mmengine.logging import MessageHub, MMLogger

import vidzoo
from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.errors import DataError
from vidzoo.evaluation import torque_benchmark
from vidzoo.evaluation.score import score
from vidzoo.io.data_file import DataFile
from vidzoo.io.predictions import read_predictions
from vidzoo.io.splits import Split
from vidzoo.registry import METRICS
from vidzoo.structures import TorqueSample

CLIP = 4  # frames 29-39 of tiny_split make clips of 4, 4 and 3 frames


def make_clips(camera: str = "Cam0") -> list[TorqueSample]:
    """Make 18 clips for tiny_split's test subset; a prediction is a known function of subject, trial and frame."""
    clips = []
    for subject in ("subject1", "subject2"):
        for trial in ("DJ1", "squats1", "walking1"):
            for start in range(29, 40, CLIP):
                frames = np.arange(start, start + CLIP)
                frames[frames >= 40] = -1
                torques = torch.from_numpy(expected_torques(subject, trial, frames)).float()
                sample = TorqueSample(
                    metainfo={"subject": subject, "trial": trial, "camera": camera, "frame_indices": frames}
                )
                sample.pred_torques = torques
                clips.append(sample)
    return clips


def build(data_file, split, **options):
    return METRICS.build({"type": "TorqueBenchmark", "data_file": str(data_file), "split": str(split), **options})


def expected_torques(subject: str, trial: str, frames: np.ndarray) -> np.ndarray:
    return np.outer(frames + 10.0 * int(subject[-1]) + len(trial), np.linspace(-1, 1, len(BENCHMARK_JOINTS)))


@pytest.fixture
def metric(tiny_data_file, tiny_split, tmp_path):
    return build(tiny_data_file, tiny_split, out_dir=tmp_path / "out")


@pytest.fixture
def stage():
    """Set what MMEngine's runtime hook says about the running loop, and forget it afterwards."""
    hub = MessageHub.get_current_instance()
    yield lambda name: hub.update_info("loop_stage", name)
    for key in ("loop_stage", "cfg", "seed"):
        hub.runtime_info.pop(key, None)


def evaluate(metric, clips, batch: int = 4) -> dict:
    evaluator = Evaluator([metric])
    for start in range(0, len(clips), batch):
        evaluator.process(clips[start : start + batch])
    return evaluator.evaluate(len(clips))


def test_the_plug_in_is_found_by_its_name_alone():
    code = "from vidzoo.registry import METRICS; print(METRICS.get('TorqueBenchmark').__name__)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip().endswith("TorqueBenchmark")
    assert torque_benchmark.TorqueBenchmark.higher_is_better is False


def test_files_and_log_hold_the_score_of_every_real_frame(metric, tiny_data_file, tiny_split, tmp_path):
    logged = evaluate(metric, make_clips())
    read = read_predictions(tmp_path / "out" / "predictions.npz")
    assert len(read) == 6 * 11 and read.split_hash == Split.load(tiny_split).hash
    for n in range(len(read)):
        expected = expected_torques(str(read.subject[n]), str(read.trial[n]), read.frame[[n]])
        np.testing.assert_allclose(read.torques[[n]], expected, rtol=1e-6)
    results = score(read, DataFile(tiny_data_file), Split.load(tiny_split))
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == json.loads(json.dumps(results))
    assert logged["mPJE_mean"] == results["overall"]["mPJE_mean"]
    assert logged["mPJE_sum"] == pytest.approx(11 * logged["mPJE_mean"])
    assert logged["baseline_action_mean"] == results["baselines"]["action_mean"]["mPJE_mean"]
    assert all(isinstance(value, float) for value in logged.values())


@pytest.fixture
def said():
    """Collect what is written to MMEngine's log."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


@pytest.mark.parametrize(("loop", "tables"), [("test", True), ("val", False)])
def test_tables_after_a_test_and_one_line_after_a_validation(loop, tables, tiny_data_file, tiny_split, stage, said):
    stage(loop)
    metric = build(tiny_data_file, tiny_split)
    said.clear()
    evaluate(metric, make_clips())
    text = "\n".join(said)
    assert ("baseline: training mean" in text) is tables and "mPJE_mean" in text
    assert tables or len(text.splitlines()) == 1


def test_provenance_says_where_predictions_come_from(metric, stage, tmp_path):
    stage("test")
    checkpoint = tmp_path / "epoch_3.pth"
    checkpoint.write_bytes(b"weights")
    hub = MessageHub.get_current_instance()
    hub.update_info("cfg", f"model = dict(type='X')\nload_from = '{checkpoint}'\n")
    hub.update_info("seed", 7)
    evaluate(metric, make_clips())
    said = read_predictions(tmp_path / "out" / "predictions.npz").provenance
    assert said["seed"] == 7 and said["config"].startswith("model") and said["vidzoo"] == vidzoo.__version__
    assert said["checkpoint"]["name"] == "epoch_3.pth" and said["checkpoint"]["sha256"].startswith("9a")
    assert said["torch"] == torch.__version__ and said["device"].startswith("CPU, ")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(vidzoo.__file__).parent, capture_output=True, text=True
    )
    assert (said["commit"] or "").removesuffix("-dirty") == commit.stdout.strip()


def test_clips_that_a_sampler_repeats_count_once_and_others_are_missed(metric):
    clips = make_clips()
    plain = evaluate(metric, clips)
    assert evaluate(metric, [*clips, *clips[:3]]) == plain
    with pytest.raises(DataError, match="3 frames are missing, the first is subject2/walking1/Cam0 frame 37"):
        evaluate(metric, clips[:-1])


def test_overlapping_clips_are_not_taken_for_repeated_ones(metric):
    clips = make_clips()
    overlapping = clips[0].clone()
    overlapping.set_metainfo({"frame_indices": np.array([30, 31, -1, -1])})
    with pytest.raises(DataError, match="2 frames are predicted more than once"):
        evaluate(metric, [*clips, overlapping])


def test_a_diverged_model_and_wrong_shapes_are_named(metric, tmp_path):
    clips = make_clips()
    clips[2].pred_torques[0, 0] = float("nan")
    with pytest.raises(DataError, match="hip_flexion_r of subject1/DJ1/Cam0 frame 37"):
        evaluate(metric, clips)
    assert not (tmp_path / "out").exists()
    metric.results.clear()
    clips = make_clips()
    clips[0].pred_torques = clips[0].pred_torques[:, :9]
    with pytest.raises(DataError, match=r"subject1/DJ1: 'pred_torques' has shape \(4, 9\), expected \(4, 11\)"):
        evaluate(metric, clips)


def test_half_precision_and_models_without_images(metric):
    clips = make_clips(camera="")
    for clip in clips:
        clip.pred_torques = clip.pred_torques.bfloat16()
    logged = evaluate(metric, clips)
    assert logged["mPJE_mean"] == pytest.approx(evaluate(metric, make_clips())["mPJE_mean"], rel=0.01)


def test_a_missing_split_is_named_at_once(tiny_data_file, tmp_path):
    with pytest.raises(DataError, match="no such split"):
        METRICS.build({"type": "TorqueBenchmark", "data_file": tiny_data_file, "split": tmp_path / "none.json"})


def uneven_clips() -> list[TorqueSample]:
    """Make 17 clips of the same frames, so that two processes cannot share them evenly."""
    *clips, last, end = make_clips()
    joined = last.clone()
    joined.pred_torques = torch.cat([last.pred_torques, end.pred_torques])
    joined.set_metainfo({"frame_indices": np.r_[last.frame_indices, end.frame_indices]})
    return [*clips, joined]


def run_process(data_file: str, split: str, out: str) -> None:
    """Evaluate this process's share of the clips, as MMEngine's loop and sampler would."""
    torch.distributed.init_process_group("gloo")
    clips = uneven_clips()
    share = [clips[i] for i in DefaultSampler(clips, shuffle=False)]
    logged = {}
    for device in ("gpu", "cpu"):
        evaluator = Evaluator([build(data_file, split, out_dir=Path(out, device), collect_device=device)])
        for clip in share:
            evaluator.process([clip])
        logged[device] = evaluator.evaluate(len(clips))
    Path(out, f"rank{os.environ['RANK']}.json").write_text(json.dumps({"logged": logged, "share": len(share)}))
    torch.distributed.destroy_process_group()


def test_processes_score_once_on_all(metric, tiny_data_file, tiny_split, tmp_path):
    """Two processes share 17 clips: nine each, so that one clip is seen twice."""
    one = evaluate(metric, uneven_clips())
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", __file__,
        str(tiny_data_file), str(tiny_split), str(tmp_path),
    ]  # fmt: skip
    run = subprocess.run(command, cwd=tmp_path, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True)
    assert run.returncode == 0, run.stderr.decode()[-2000:]
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]
    assert [rank["share"] for rank in ranks] == [9, 9]
    assert all(rank["logged"] == {"gpu": one, "cpu": one} for rank in ranks)
    for device in ("gpu", "cpu"):
        assert len(read_predictions(tmp_path / device / "predictions.npz")) == 66
        assert sorted(path.name for path in (tmp_path / device).iterdir()) == ["predictions.npz", "results.json"]


if __name__ == "__main__":
    run_process(*sys.argv[1:])
