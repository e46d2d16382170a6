"""A user's mistake, and what the operating system refuses, end in one sentence and status 2."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from vidzoo.cli.run_tool import run_tool
from vidzoo.errors import DataError


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (DataError("a.h5: is broken."), "error: a.h5: is broken.\n"),
        (PermissionError(13, "Permission denied", "/root/a.h5"), "error: /root/a.h5: Permission denied\n"),
        (OSError(28, "No space left on device"), "error: [Errno 28] No space left on device\n"),
        (OSError("Caught in a worker\nTraceback ...\nOSError: no such disk"), "error: OSError: no such disk\n"),
        (OSError(), "error: OSError\n"),
        (BrokenPipeError(32, "Broken pipe"), "error: [Errno 32] Broken pipe\n"),  # not the output's
    ],
)
def test_one_sentence_and_status_2(capsys, error, sentence):
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        run_tool(main)
    assert end.value.code == 2
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize(("rank", "waits"), [("1", [5]), ("0", []), ("abc", []), ("²", [])])
def test_only_other_ranks_wait_for_the_first(monkeypatch, capsys, rank, waits):
    def main() -> None:
        raise DataError("a.h5: is broken.")

    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setenv("RANK", rank)
    with pytest.raises(SystemExit):
        run_tool(main)
    assert slept == waits
    assert capsys.readouterr().err == "error: a.h5: is broken.\n"


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_tool(lambda: print(1 / 0))


def test_ctrl_c_ends_quietly_whatever_it_interrupts(capsys):
    """MMEngine turns whatever happens while it formats a config, Ctrl-C too, into a SyntaxError."""

    def ctrl_c():
        raise KeyboardInterrupt

    def while_formatting():
        try:
            raise KeyboardInterrupt
        except:  # noqa: E722
            raise SyntaxError("Failed to format the config file")  # noqa: B904

    for main in (ctrl_c, while_formatting):
        with pytest.raises(SystemExit) as end:
            run_tool(main)
        assert end.value.code == 130
        assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("lines", [1, 100_000])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_output_ends_quietly(lines, unbuffered):
    code = f"from vidzoo.cli.run_tool import run_tool; run_tool(lambda: print('word\\n' * {lines}))"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
