"""From predictions to ranked entries, and what is refused."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from vidzoo.errors import ConfigError, DataError
from vidzoo.evaluation.score import score
from vidzoo.io.predictions import read_predictions, write_predictions
from vidzoo.io.splits import Split
from vidzoo.leaderboard.benchmark import define
from vidzoo.leaderboard.check import check
from vidzoo.leaderboard.compare import compare
from vidzoo.leaderboard.page import render
from vidzoo.leaderboard.store import Store
from vidzoo.leaderboard.submit import make_submission, submit_to_folder
from vidzoo.leaderboard.table import is_reproduced

TINY = "tiny@1/block"


def rows(store: Store, benchmark: str = TINY) -> list[dict]:
    table = json.loads((store.folder / "table.json").read_text())
    return next(b["rows"] for b in table["benchmarks"] if b["id"] == benchmark)


def test_three_entries_are_ranked_by_what_scoring_gives(store, submit, predict, data, split):
    receipts = [submit(f"noise {noise}", noise) for noise in (20.0, 5.0, 10.0)]
    assert [(r.rank, r.ranked) for r in receipts] == [(1, 1), (1, 2), (2, 3)]
    table = rows(store)
    assert [row["model"] for row in table] == ["noise 5.0", "noise 10.0", "noise 20.0"]
    assert [row["rank"] for row in table] == [1, 2, 3]
    for row in table:
        predictions = read_predictions(store.folder / row["predictions"])
        results = score(predictions, data, split)
        assert row["overall"]["mPJE_mean"] == pytest.approx(results["overall"]["mPJE_mean"], abs=1e-12)
        assert row["joint"] == pytest.approx({j: r["mPJE_mean"] for j, r in results["joint"].items()}, abs=1e-12)
        assert row["action"] == pytest.approx({a: r["mPJE_mean"] for a, r in results["action"].items()}, abs=1e-12)
        assert row["badge"] == "rescored" and row["modality"] == "markers"
        assert (store.folder / row["card"]).read_text(encoding="utf-8").startswith("# A model")
        entry = json.loads((store.folder / row["entry"]).read_text())
        assert entry["submission"]["config"] == predict().provenance["config"]
        assert entry["submission"]["checkpoint_sha256"] == "a" * 64
    assert "[noise 5.0](cards/" in (store.folder / "TABLE.md").read_text()
    assert check(store, render) == ([], [])


def test_equal_entries_share_a_rank(store, submit):
    submit("one", 5.0)
    predictions = store.folder / rows(store)[0]["predictions"]
    card = store.folder / rows(store)[0]["card"]
    receipt = submit_to_folder(make_submission(predictions, TINY, "two", card, ["C. D."]), predictions, store.folder)
    submit("three", 9.0)
    assert receipt.rank == 1
    assert [row["rank"] for row in rows(store)] == [1, 1, 3]


def test_a_new_folder_becomes_a_leaderboard_with_the_shipped_benchmarks(tmp_path):
    store = Store(tmp_path / "new", create=True)
    assert {path.parent.name for path in store.benchmark_paths()} == {"synth@1", "vid@1"}
    assert len(store.benchmark_paths()) == 12
    store.write_generated(render)
    assert check(store, render) == ([], [])


def test_a_folder_of_other_things_is_no_leaderboard(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    for create in (True, False):
        with pytest.raises(DataError, match="is no leaderboard"):
            Store(tmp_path, create=create)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_entry_is_superseded_by_the_same_model_only(store, submit):
    first = submit("mine", 20.0)
    with pytest.raises(DataError, match=r"is the model 'mine'; only the same one"):
        submit("other", 5.0, supersedes=first.entry)
    second = submit("mine", 5.0, seed=1, supersedes=first.entry)
    with pytest.raises(DataError, match="superseded already"):
        submit("mine", 4.0, supersedes=first.entry)
    assert [(row["id"], row["rank"], row["superseded_by"]) for row in rows(store)] == [
        (second.entry, 1, None),
        (first.entry, None, second.entry),
    ]
    assert second.ranked == 1
    with pytest.raises(DataError, match="has no entry"):
        submit("mine", 3.0, supersedes="20200101T000000000000Z-mine-00000000")
    with pytest.raises(ConfigError, match="expected an entry's name"):
        submit("mine", 2.0, supersedes="../../etc/passwd")
    assert check(store, render) == ([], []), "what was refused left nothing behind"


def test_a_reproduction_is_by_others_and_near(store, submit):
    first = submit("mine", 5.0)
    with pytest.raises(DataError, match="by an author of this one"):
        submit("again", 5.0, seed=1, reproduces=first.entry)
    assert check(store, render) == ([], [])
    submit("far", 9.0, authors=("C. D.",), reproduces=first.entry)
    assert [row["badge"] for row in rows(store)] == ["rescored", "rescored"]
    submit("near", 5.01, seed=0, authors=("E. F.",), reproduces=first.entry)
    assert {row["model"]: row["badge"] for row in rows(store)} == {
        "mine": "reproduced",
        "far": "rescored",
        "near": "rescored",
    }


def test_every_ranked_row_says_how_far_it_is_from_the_first(store, submit):
    for model, noise in (("good", 5.0), ("worse", 10.0), ("worst", 20.0)):
        submit(model, noise)
    first, *others = rows(store)
    assert first["above_best"] is None and first["not_compared"] is None and len(others) == 2
    for row in others:
        expected = row["overall"]["mPJE_mean"] - first["overall"]["mPJE_mean"]
        assert row["above_best"]["value"] == pytest.approx(expected) and row["above_best"]["told_apart"]


@pytest.mark.parametrize(
    ("theirs", "near"), [(100.0, True), (102.0, True), (98.0, True), (102.1, False), (97.9, False), (110.0, False)]
)
def test_a_reproduction_is_within_two_per_cent(theirs, near):
    def stored(id: str, figure: float, reproduces: str | None = None) -> SimpleNamespace:
        scores = SimpleNamespace(overall=SimpleNamespace(mPJE_mean=figure))
        entry = SimpleNamespace(scores=scores, submission=SimpleNamespace(reproduces=reproduces))
        return SimpleNamespace(id=id, entry=entry)

    first = stored("first", 100.0)
    assert is_reproduced(first, [first, stored("again", theirs, reproduces="first")]) == near
    assert not is_reproduced(first, [first, stored("again", theirs, reproduces="another")])


def test_the_same_predictions_under_the_same_name_are_refused(store, submit, run, card):
    submit("mine", 5.0)
    predictions = run("same", 5.0, 0)
    with pytest.raises(DataError, match="are there already, as 2"):
        submit_to_folder(make_submission(predictions, TINY, "mine", card, ["A. B."]), predictions, store.folder)
    assert len(rows(store)) == 1


def drop(predictions, keep):
    names = ("subject", "trial", "camera", "frame", "torques")
    return {name: getattr(predictions, name)[keep] for name in names}


@pytest.mark.parametrize("kind", ["missing", "other", "unknown benchmark", "waiting", "another split", "another claim"])
def test_what_is_refused_leaves_no_trace(store, run, predict, card, kind):
    good = predict()
    names = {p.relative_to(store.folder): p.read_bytes() for p in store.folder.rglob("*") if p.is_file()}
    benchmark, match, changed = TINY, "", good
    if kind == "missing":
        changed, match = replace(good, **drop(good, slice(3, None))), r"3 frames are missing, the first is subject1/DJ1"
    elif kind == "other":
        frame = good.frame.copy()
        frame[0] = 2
        changed, match = (
            replace(good, frame=frame),
            r"1 frames are missing.*1 frames are not in the split's test subset",
        )
    elif kind == "unknown benchmark":
        benchmark, match = "tiny@2/block", r"has no benchmark tiny@2/block; it has synth@1/block"
    elif kind == "waiting":
        benchmark, match = "vid@1/block", "waits for its data"
    elif kind == "another split":
        changed, match = replace(good, split_hash="c" * 64), "made for the split cccccccccccc, which is not that of"
    path = run(kind.replace(" ", "_"))
    write_predictions(path, changed)
    if kind == "another claim":
        results = json.loads(path.with_name("results.json").read_text())
        results["overall"]["mPJE_mean"] *= 0.9
        path.with_name("results.json").write_text(json.dumps(results))
        match = "claimed mPJE_mean: .* is claimed, scoring gives"
    with pytest.raises((DataError, ConfigError), match=match):
        submit_to_folder(make_submission(path, benchmark, "mine", card, ["A. B."]), path, store.folder)
    after = {p.relative_to(store.folder): p.read_bytes() for p in store.folder.rglob("*") if p.is_file()}
    assert after == names


def test_predictions_on_a_file_built_anew_elsewhere_are_taken(store, predict, run, card, split):
    """Another machine's file has another hash, and so has its split; the frames are the same."""
    own = replace(split, data_hash="d" * 64)
    assert own.hash != split.hash and own.frames_hash == split.frames_hash
    path = run("again")
    told = predict().provenance | {"split_frames_hash": own.frames_hash}
    write_predictions(path, predict(split_hash=own.hash, provenance=told))
    receipt = submit_to_folder(make_submission(path, TINY, "again", card, ["A. B."]), path, store.folder)
    assert receipt.rank == 1 and check(store, render) == ([], [])
    narrower = Split(own.protocol, own.seed, own.data_hash, own.settings, own.train[1:], own.test)
    assert narrower.frames_hash != split.frames_hash


def test_labels_that_are_not_in_the_store_are_given(data, split, run, card, tmp_path, tiny_data_file):
    store = Store(tmp_path / "private", create=True)
    define(store.folder / "benchmarks", "tiny@1", data, split, "a test", "secret", False, "Ends of trials.")
    path = run("private")
    submission = make_submission(path, TINY, "mine", card, ["A. B."])
    with pytest.raises(DataError, match="give the data file of content hash"):
        submit_to_folder(submission, path, store.folder)
    assert submit_to_folder(submission, path, store.folder, [tiny_data_file]).rank == 1
    assert not list(store.folder.rglob("tiny@1/*.h5"))
    problems, unscored = check(store, render)
    assert not problems and len(unscored) == 1
    assert check(store, render, [tiny_data_file]) == ([], [])


def test_a_benchmark_is_defined_once(store, data, split):
    with pytest.raises(ConfigError, match="is defined already and does not change"):
        define(store.folder / "benchmarks", "tiny@1", data, split, "x", "x", True, "x")


def test_diff_says_what_is_new_and_what_has_moved(store, submit):
    submit("slow", 20.0)
    before = (store.folder / "table.json").read_bytes()
    submit("fast", 5.0)
    old = store.folder.parent / "old.json"
    old.write_bytes(before)
    lines = compare(store.folder, old)
    assert len(lines) == 2
    assert "new, rank 1: fast" in lines[0] and "rank 1, rescored -> rank 2, rescored: slow" in lines[1]
    assert compare(store.folder) == [] and compare(store.folder, store.folder) == []
    old.write_text("{}")
    with pytest.raises(DataError, match="is no leaderboard's table"):
        compare(store.folder, old)


def test_64_writers_at_once_lose_and_tear_nothing(store, tmp_path, tiny_data_file, tiny_split, card):
    """One process imports, 64 fork from it and submit at the same moment."""
    script = Path(__file__).with_name("many_writers.py")
    command = [sys.executable, script, store.folder, tiny_data_file, tiny_split, card, tmp_path / "many", "64"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    table = rows(store)
    assert sorted(row["model"] for row in table) == sorted(f"model {i}" for i in range(64))
    figures = [row["overall"]["mPJE_mean"] for row in table]
    assert figures == sorted(figures) and [row["rank"] for row in table] == list(range(1, 65))
    assert len(list((store.folder / "predictions").glob("*.npz"))) == 64
    assert check(store, render) == ([], [])


def test_the_command_prints_the_tables_and_the_rank(store, run, card):
    predictions = run("command")
    root = Path(__file__).parents[2]

    def submit_tool(*more: str, leaderboard: object = store.folder) -> subprocess.CompletedProcess:
        command = [sys.executable, "tools/submit.py", str(predictions), "--benchmark", TINY, "--model", "mine"]
        command += ["--card", str(card), "--author", "A. B.", "--leaderboard", str(leaderboard), *more]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)

    done = submit_tool("--remark", "a small one")
    assert done.returncode == 0, done.stderr
    assert f"{TINY}: rank 1 of 1, entry 2" in done.stdout and "mPJE_mean" in done.stdout and "squats" in done.stdout
    assert rows(store)[0]["remark"] == "a small one"
    for more, message in (
        (("--benchmark", "tiny"), "expected name@version/protocol"),
        (("--licence", "<b>"), "licence: String should match pattern"),
        (("--card", "no.md"), "--card no.md: no such file"),
        (("--labels", "no.h5", "--benchmark", "vid@1/loso"), "waits for its data"),
        (("--leaderboard", str(card.parent)), "is no leaderboard"),
        (("--leaderboard", "http://127.0.0.1:9", "--token-file", "no"), "--token-file no: no such file"),
        ((), "are there already"),
    ):
        done = submit_tool(*more)
        assert done.returncode == 2 and message in done.stderr, (more, done.stderr)
        assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert len(rows(store)) == 1


def test_a_disk_without_hard_links_will_do(store, submit, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    submit("one", 5.0)
    submit("two", 6.0)
    assert [row["model"] for row in rows(store)] == ["one", "two"]
    assert check(store, render) == ([], [])
    assert not list(store.folder.rglob("*.tmp"))
