"""Entries of version 1 are read, checked and written again as version 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vidzoo.errors import ConfigError, DataError
from vidzoo.evaluation.versions import NO_RECORDINGS
from vidzoo.leaderboard import convert as convert_module
from vidzoo.leaderboard.check import check
from vidzoo.leaderboard.convert import convert
from vidzoo.leaderboard.documents import canonical, sha256
from vidzoo.leaderboard.page import render
from vidzoo.leaderboard.store import Store

FIGURES = ("mPJE_mean", "mPJE_sum", "lower_limb_mean", "RMSE", "percent_BWht", "pearson_r", "R2")


def version_1(entry: dict) -> dict:
    """Return an entry as version 1 wrote it."""
    scores = entry["scores"]

    def renamed(rows: dict) -> dict:
        return {("family_mean" if name == "action_mean" else name): value for name, value in rows.items()}

    def row(new: dict) -> dict:
        old = {name: value for name, value in new.items() if name != "no_interval"}
        return {**old, "interval": {"low": 0.0, "high": 1.0}}

    old = {
        "overall": row(scores["overall"]),
        "all_labels": row(scores["all_labels"]),
        "joint": {name: row(value) for name, value in scores["joint"].items()},
        "family": {name: row(value) for name, value in scores["action"].items()},
        "floors": {name: row(value) for name, value in renamed(scores["baselines"]).items()},
        "floor_joint": renamed(scores["baseline_joint"]),
        "floor_family": renamed(scores["baseline_action"]),
        "samples": scores["samples"],
        "images": scores["images"],
    }
    return {**entry, "version": 1, "scores": old}


@pytest.fixture
def old_store(store: Store, submit) -> Store:
    """A store of three entries of version 1, the last of which supersedes the first."""
    first = submit("mine", 20.0)
    submit("other", 7.0)
    submit("mine", 5.0, supersedes=first.entry)
    names: dict[str, str] = {}
    for path in store.entry_paths():
        entry = version_1(json.loads(path.read_text()))
        entry["submission"]["supersedes"] = names.get(entry["submission"]["supersedes"])
        content = canonical(entry)
        name = f"{path.stem.rpartition('-')[0]}-{sha256(content)[:8]}"
        path.unlink()
        path.with_name(f"{name}.json").write_bytes(content)
        names[path.stem] = name
    store.write_generated(render)
    return store


def rows(store: Store) -> list[dict]:
    table = json.loads(render(store)["table.json"])
    return next(b["rows"] for b in table["benchmarks"] if b["id"] == "tiny@1/block")


def test_a_store_of_version_1_is_in_order_and_says_why_it_has_no_intervals(old_store):
    assert check(old_store, render) == ([], [])
    (best, other, superseded) = rows(old_store)
    assert (best["model"], best["rank"], best["interval"]) == ("mine", 1, None)
    assert best["no_interval"] == NO_RECORDINGS
    assert other["above_best"] is None and "version 1" in other["not_compared"]
    assert superseded["superseded_by"] == best["id"]
    assert NO_RECORDINGS in (old_store.folder / "TABLE.md").read_text()


def test_a_changed_figure_of_version_1_is_found(old_store):
    path = old_store.entry_paths()[0]
    entry = json.loads(path.read_text())
    entry["scores"]["overall"]["RMSE"] *= 1.01
    content = canonical(entry)
    path.with_name(f"{path.stem.rpartition('-')[0]}-{sha256(content)[:8]}.json").write_bytes(content)
    problems, _ = check(old_store, render)
    assert any("scores otherwise now: overall.RMSE" in problem.what for problem in problems)
    with pytest.raises(DataError, match=r"scores otherwise now: overall\.RMSE"):
        convert(old_store)


def test_a_file_of_version_1_that_is_written_otherwise_is_found(old_store):
    path = old_store.entry_paths()[0]
    content = json.dumps(json.loads(path.read_text())).encode()
    path.with_name(f"{path.stem.rpartition('-')[0]}-{sha256(content)[:8]}.json").write_bytes(content)
    assert any("changed by hand" in problem.what for problem in check(old_store, render)[0])


def test_converted_entries_keep_every_figure_and_gain_intervals(old_store):
    before = {path.stem: json.loads(path.read_text()) for path in old_store.entry_paths()}
    renamed = convert(old_store)
    old_store.write_generated(render)
    assert set(renamed) == set(before) and check(old_store, render) == ([], [])
    after = {path.stem: json.loads(path.read_text()) for path in old_store.entry_paths()}
    assert set(after) == set(renamed.values())
    for old_name, new_name in renamed.items():
        old, new = before[old_name], after[new_name]
        assert new["version"] == 2 and old["submitted"] == new["submitted"]
        for name in FIGURES:
            assert new["scores"]["overall"][name] == pytest.approx(old["scores"]["overall"][name], abs=1e-12)
        assert new["submission"]["supersedes"] == renamed.get(old["submission"]["supersedes"])
    (best, other, superseded) = rows(old_store)
    assert best["interval"] is not None and superseded["superseded_by"] == best["id"]
    assert other["above_best"]["low"] < other["above_best"]["value"] < other["above_best"]["high"]
    assert convert(old_store) == {}, "there is nothing left to convert"


def test_where_one_entry_is_broken_none_is_converted(old_store):
    """The last one: by then the others could have been."""
    path = old_store.entry_paths()[-1]
    entry = json.loads(path.read_text())
    entry["scores"]["overall"]["RMSE"] *= 1.01
    content = canonical(entry)
    path.unlink()
    path.with_name(f"{path.stem.rpartition('-')[0]}-{sha256(content)[:8]}.json").write_bytes(content)
    names = [path.name for path in old_store.entry_paths()]
    with pytest.raises(DataError, match="scores otherwise now"):
        convert(old_store)
    assert [path.name for path in old_store.entry_paths()] == names


@pytest.mark.parametrize("done", range(6))
def test_an_interrupted_conversion_is_finished_by_another_one(old_store, monkeypatch, done):
    """It is interrupted after some of its three writes and three removals."""
    steps = []
    create_once, unlink = convert_module.create_once, Path.unlink

    def count() -> None:
        if len(steps) == done:
            raise KeyboardInterrupt
        steps.append(1)

    def counted_create(path, content):
        count()
        create_once(path, content)

    def counted_unlink(path, **options):
        if path.suffix == ".json":  # no temporary file
            count()
        unlink(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(convert_module, "create_once", counted_create)
        patch.setattr(Path, "unlink", counted_unlink)
        with pytest.raises(KeyboardInterrupt):
            convert(old_store)
    convert(old_store)
    old_store.write_generated(render)
    assert check(old_store, render) == ([], [])
    assert len(old_store.entry_paths()) == 3 and all(rows(old_store)[i]["badge"] == "rescored" for i in range(3))


def test_without_labels_nothing_is_converted(old_store):
    (path,) = (old_store.folder / "benchmarks/tiny@1").glob("block.json")
    benchmark = json.loads(path.read_text())
    benchmark["labels"] = None
    path.write_bytes(canonical(benchmark))
    digest = sha256(path.read_bytes())
    for entry_path in old_store.entry_paths():
        entry = json.loads(entry_path.read_text())
        entry["benchmark_sha256"] = digest
        content = canonical(entry)
        entry_path.unlink()
        name = f"{entry_path.stem.rpartition('-')[0]}-{sha256(content)[:8]}.json"
        entry_path.with_name(name).write_bytes(content)
    names = [path.name for path in old_store.entry_paths()]
    with pytest.raises(ConfigError, match="its labels are not in the store"):
        convert(old_store)
    assert [path.name for path in old_store.entry_paths()] == names
