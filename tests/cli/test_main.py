"""``vidzoo`` as a user calls it: what it lists, how fast it answers, and what it says of a wrong word."""

from __future__ import annotations

import importlib
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import vidzoo
from vidzoo.cli.main import GROUPS, main, overview

ROOT = Path(__file__).parents[2]
COMMANDS = [name for names in GROUPS.values() for name in names]
TOOLS = sorted((ROOT / "tools").glob("*.py"))
SHARED = {"__init__", "__main__", "main", "run_tool", "arguments"}
"""The modules of vidzoo/cli that are no commands."""


@pytest.fixture
def call(monkeypatch, capsys):
    """Return a function that runs ``vidzoo`` with words; it returns the status and what was printed."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["vidzoo", *words])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return run


def test_every_command_is_listed_with_a_line(call):
    modules = {path.stem for path in (ROOT / "vidzoo/cli").glob("*.py")} - SHARED
    assert sorted(COMMANDS) == sorted(name.replace("_", "-") for name in modules)
    status, printed, _ = call("--help")
    assert status == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name} +[A-Z]\w+.*\.$", printed, re.MULTILINE), name
    assert max(map(len, printed.splitlines())) <= 100


def test_every_tool_is_a_command():
    said = {re.search(r'main\("([\w-]+)", prog="python tools/(\w+)\.py"\)', path.read_text()) for path in TOOLS}
    assert {found[2] for found in said} == {path.stem for path in TOOLS}
    assert {found[1] for found in said} == set(COMMANDS) - {"list-models"}
    assert all(len(path.read_text().split("\n\n", 1)[1].split()) < 12 for path in TOOLS), "more than parsing's call"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(call, command):
    status, printed, _ = call(command, "--help")
    assert status == 0
    assert printed.startswith(f"usage: vidzoo {command} ")
    assert f"examples:\n  vidzoo {command}" in printed


@pytest.mark.parametrize("tool", TOOLS, ids=lambda path: path.stem)
def test_the_help_of_a_tool_shows_its_own_call(monkeypatch, capsys, tool):
    monkeypatch.setattr(sys, "argv", [str(tool), "--help"])
    runpy.run_path(str(tool), run_name="__main__")
    assert f"examples:\n  python tools/{tool.name}" in capsys.readouterr().out


def test_help_waits_for_no_library():
    """Not even NumPy; the answer then costs Python's own start and little more."""
    code = "import sys; sys.argv = ['vidzoo', *sys.argv[1:]]; from vidzoo.cli.main import main; main()"
    for words in (["--help"], ["train", "--help"]):
        run = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", code, *words], capture_output=True, text=True, check=True
        )
        imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in run.stderr.splitlines() if "|" in line}
        assert "usage: vidzoo" in run.stdout
        assert "argparse" in imported
        assert not imported & {"torch", "numpy", "mmengine", "rich", "h5py", "cv2", "scipy"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian", "a.py"], "error: vidzoo has no command 'trian'; did you mean train?\n"),
        (["make_split"], "error: vidzoo has no command 'make_split'; did you mean split"),
        (["Compare"], "did you mean compare?"),
        (["xyz"], "error: vidzoo has no command 'xyz'; 'vidzoo --help' lists the commands.\n"),
    ],
)
def test_an_unknown_command_is_one_sentence(call, words, said):
    status, printed, stderr = call(*words)
    assert (status, printed, stderr.count("\n")) == (2, "", 1)
    assert said in stderr


def test_no_command_and_the_version(call):
    assert call() == (2, overview() + "\n", "")
    assert call("--version") == (0, vidzoo.__version__ + "\n", "")


def test_a_status_of_its_own(call, monkeypatch):
    """What ``run`` returns is the status: leaderboard check ends with 1 where something is wrong."""
    module = importlib.import_module("vidzoo.cli.list_models")
    monkeypatch.setattr(module, "run", lambda args: 1)
    assert call("list-models") == (1, "", "")


@pytest.mark.parametrize(("words", "status"), [(["--help"], 141), (["split", "--help"], 0)])
def test_a_closed_pipe_ends_quietly(words, status):
    """As ``vidzoo ... | head -1``, where the reader has gone before the first word; argparse itself ignores it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vidzoo.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    process.stdout.close()
    stderr = process.stderr.read().decode()
    process.stderr.close()
    assert (process.wait(60), stderr) == (status, "")
