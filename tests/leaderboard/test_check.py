"""No byte of the record changes unseen."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from vidzoo.leaderboard.check import check, differences, rescore
from vidzoo.leaderboard.documents import canonical
from vidzoo.leaderboard.page import render

ROOT = Path(__file__).parents[2]


@pytest.fixture
def filled(store, submit):
    """A store of two entries, of which one supersedes a third."""
    first = submit("mine", 20.0)
    submit("mine", 5.0, supersedes=first.entry)
    submit("other", 7.0)
    assert check(store, render) == ([], [])
    return store


def test_a_changed_byte_in_any_file_is_found(filled):
    """Three places of every file: near its beginning, in the middle, at its end."""
    paths = [p for p in sorted(filled.folder.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    kinds = {p.relative_to(filled.folder).parts[0] for p in paths}
    assert kinds == {"benchmarks", "submissions", "predictions", "cards", "TABLE.md", "table.json", "index.html"}
    # the shipped benchmarks' files are of the same kinds as the small one's
    paths = [p for p in paths if p.parent.name not in ("synth@1", "vid@1") or p.name.startswith("trial")]
    for path in paths:
        content = path.read_bytes()
        for place in {min(10, len(content) - 1), len(content) // 2, len(content) - 1}:
            changed = bytearray(content)
            changed[place] ^= 1
            path.write_bytes(bytes(changed))
            problems, _ = check(filled, render)
            assert problems, f"{path}: byte {place}"
        path.write_bytes(content)
    assert check(filled, render) == ([], [])


def test_a_missing_or_an_extra_file_is_found(filled):
    for path in sorted(p for p in filled.folder.rglob("*") if p.is_file() and "synth" not in str(p)):
        if path.name.startswith(".") or "vid@1" in path.parts:
            continue
        content = path.read_bytes()
        path.unlink()
        assert check(filled, render)[0], path
        path.write_bytes(content)
    for name in ("submissions/x.json", "predictions/x.npz", "cards/x.md", "benchmarks/tiny@1/x.h5", "evil.html"):
        (filled.folder / name).write_text("x")
        (problem,) = check(filled, render)[0]
        assert problem.where == name and "belongs to no entry" in problem.what
        (filled.folder / name).unlink()


def test_a_better_figure_written_by_hand_is_found_however_well_it_is_written(filled):
    """Name, hash and generated files are made to fit; the predictions still say what they say."""
    path = next(p for p in filled.entry_paths() if "other" in p.name)
    entry = json.loads(path.read_text())
    entry["scores"]["overall"]["mPJE_mean"] *= 0.5
    content = canonical(entry)
    forged = path.with_name(f"{path.stem[:-8]}{hashlib.sha256(content).hexdigest()[:8]}.json")
    path.unlink()
    forged.write_bytes(content)
    filled.write_generated(render)
    (problem,) = check(filled, render)[0]
    assert "scores otherwise now: overall.mPJE_mean" in problem.what
    assert [bool(found.differences) for found in rescore(filled)].count(True) == 1


def test_an_entry_that_was_moved_is_found(filled):
    path = filled.entry_paths()[0]
    target = filled.folder / "submissions/synth@1/trial" / path.name
    target.parent.mkdir(parents=True)
    path.rename(target)
    problems = check(filled, render)[0]
    assert any("changed or moved" in problem.what for problem in problems)


def test_figures_differ_by_more_than_rounding():
    row = {"a": 1.0, "b": {"c": None, "d": 2}, "e": (1, 2)}
    assert differences(row, {"a": 1.0 + 1e-9, "b": {"c": None, "d": 2}, "e": (1, 2)}) == []
    assert differences(row, {"a": 1.1, "b": {"c": 1.0, "d": 2}}) == [
        "a 1.0 is 1.1",
        "b.c None is 1.0",
        "e (1, 2) is None",
    ]


def test_sums_of_single_recordings_may_differ_by_rounding_too():
    """Another processor adds up a recording's errors in another order."""
    scores = {"recordings": ({"subject": "a", "errors": (0.1, 30.0)}, {"subject": "b", "errors": (0.2, 0.3)})}
    near = {"recordings": ({"subject": "a", "errors": (0.1, 30.0 + 1e-12)}, {"subject": "b", "errors": (0.2, 0.3)})}
    far = {"recordings": ({"subject": "a", "errors": (0.1, 30.0)}, {"subject": "b", "errors": (0.2, 0.4)})}
    assert differences(scores, near) == []
    assert differences(scores, far) == ["recordings.1.errors.1 0.3 is 0.4"]
    assert len(differences(scores, {"recordings": scores["recordings"][:1]})) == 1


def tool(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "tools/leaderboard.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_the_tool_ends_with_1_where_something_is_wrong(filled):
    done = tool("check", filled.folder)
    assert (done.returncode, "3 entries, all in order" in done.stdout) == (0, True), done.stderr
    table = filled.folder / "TABLE.md"
    table.write_text(table.read_text() + "\n")
    done = tool("check", filled.folder)
    assert done.returncode == 1 and "TABLE.md" in done.stdout and "stale" in done.stdout
    assert tool("render", filled.folder).returncode == 0
    assert tool("check", filled.folder).returncode == 0
    done = tool("rescore", filled.folder)
    assert done.returncode == 0 and done.stdout.count(" no ") == 3
    assert "no difference" in tool("diff", filled.folder).stdout
    done = tool("check", filled.folder.parent)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "is no leaderboard" in done.stderr


def test_scoring_needs_neither_torch_nor_mmengine():
    code = (
        "import sys, vidzoo.leaderboard.submit, vidzoo.leaderboard.check, vidzoo.leaderboard.server.app\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'mmengine', 'mmcv', 'cv2'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_papers_63369_frames_are_scored_in_two_seconds_on_one_core(tmp_path):
    """Nine subjects, 144 trials, as many frames as the paper tests and trains on; processor time of the whole score."""
    script = Path(__file__).with_name("score_speed.py")
    command = [sys.executable, str(script), str(tmp_path)]
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=300)
    seconds, samples = map(float, done.stdout.split())
    assert samples == 63_369
    assert seconds < 2.0
