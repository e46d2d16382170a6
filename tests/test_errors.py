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
