"""The command ``compare`` on files that are no results, and its writing into documents."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from vidzoo.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/results/vidnet_r18_synth_stage2_trial.json"


def compare(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["vidzoo", "compare", *map(str, words)])
    main()


@pytest.mark.parametrize(
    "damage",
    [
        {"overall": None},
        {"baselines": {}},
        {"split": 5},
        {"recordings": "a"},
        {"format": ["vid-results"]},
        {"overall": {"mPJE_mean": "abc"}},
    ],
)
def test_a_damaged_file_is_named_in_one_sentence(tmp_path, monkeypatch, capsys, damage):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(json.loads(RESULTS.read_text(encoding="utf-8")) | damage))
    with pytest.raises(SystemExit) as end:
        compare(monkeypatch, path)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {path}: is ")


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\x89HDF\r\n" + bytes(500), b'{"format": "vid-results"}'])
def test_what_is_no_results_file_is_named_in_one_sentence(tmp_path, monkeypatch, capsys, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(SystemExit) as end:
        compare(monkeypatch, path)
    assert end.value.code == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith(f"error: {path}: is no results file (")
    assert len(sentence) < len(str(path)) + 250


def test_a_document_keeps_its_line_ends(tmp_path, monkeypatch):
    document = tmp_path / "a.md"
    document.write_bytes(f"a\r\n\r\n<!-- results: {RESULTS.stem} -->\r\n\r\nb\r\n".encode())
    compare(monkeypatch, RESULTS, "--fill", document)
    content = document.read_bytes()
    assert b"| run" in content
    assert content.count(b"\n") == content.count(b"\r\n") > 8


def test_a_document_in_another_encoding_stays(tmp_path, monkeypatch, capsys):
    document = tmp_path / "a.md"
    document.write_bytes(b"a \xe9\n")
    with pytest.raises(SystemExit) as end:
        compare(monkeypatch, RESULTS, "--fill", document)
    assert end.value.code == 2
    assert capsys.readouterr().err == f"error: --fill {document}: is no text in UTF-8 (byte 2).\n"
    assert document.read_bytes() == b"a \xe9\n"
