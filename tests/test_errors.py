"""A user's mistake, and what the operating system refuses, end in one sentence and status 2."""

from __future__ import annotations

import pytest

from vidzoo.errors import DataError, run_tool


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (DataError("a.h5: is broken."), "error: a.h5: is broken.\n"),
        (PermissionError(13, "Permission denied", "/root/a.h5"), "error: /root/a.h5: Permission denied\n"),
        (OSError(28, "No space left on device"), "error: [Errno 28] No space left on device\n"),
        (OSError("Caught in a worker\nTraceback ...\nOSError: no such disk"), "error: OSError: no such disk\n"),
        (OSError(), "error: OSError\n"),
    ],
)
def test_one_sentence_and_status_2(capsys, error, sentence):
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        run_tool(main)
    assert end.value.code == 2
    assert capsys.readouterr().err == sentence


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_tool(lambda: print(1 / 0))


"""How a tool ends."""

import pytest

from vidzoo.errors import ConfigError, run_tool


def _interrupted_while_formatting():
    try:
        raise KeyboardInterrupt
    except:  # noqa: E722 - as MMEngine does
        raise SyntaxError("Failed to format the config file")  # noqa: B904


def _mistake():
    raise ConfigError("this is wrong.")


def _no_room():
    raise OSError(28, "No space left on device", "out.h5")


def _ctrl_c():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("main", "status", "said"),
    [
        (_mistake, 2, "error: this is wrong.\n"),
        (_no_room, 2, "error: out.h5: No space left on device\n"),
        (_ctrl_c, 130, "interrupted\n"),
        (_interrupted_while_formatting, 130, "interrupted\n"),
    ],
)
def test_a_users_mistake_is_one_sentence(main, status, said, capsys):
    with pytest.raises(SystemExit) as end:
        run_tool(main)
    assert end.value.code == status
    assert capsys.readouterr().err == said


def test_a_defect_keeps_its_traceback():
    def defect():
        raise SyntaxError("of our own")

    with pytest.raises(SyntaxError):
        run_tool(defect)
