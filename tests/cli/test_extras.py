"""Without an extra, the command that needs it names it in one sentence, and every other command works."""

from __future__ import annotations

import sys

import pytest

from vidzoo.cli.main import main

DROPPED = ("vidzoo.synthetic", "vidzoo.models.blazepose.convert")
"""What imports the packages of an extra; imported before, it would not miss them."""


@pytest.mark.parametrize(
    ("absent", "words", "said"),
    [
        ("mujoco", "make-synthetic --out {}/a.h5", "pip install 'vidzoo[synthetic]'"),
        ("tflite", "convert-blazepose --full {}/a --out {}", "needs tflite: pip install 'vidzoo[litert]'"),
        ("uvicorn", "serve-leaderboard --store {}/board", "needs uvicorn: pip install 'vidzoo[server]'"),
        (
            "psycopg",
            "serve-leaderboard --store {}/board --database postgresql+psycopg://nobody@localhost/none",
            "the driver psycopg is not installed; PostgreSQL's, for postgresql+psycopg://..., comes with pip install",
        ),
    ],
)
def test_the_extra_is_named(monkeypatch, capsys, tmp_path, absent, words, said):
    for name in [name for name in sys.modules if name.split(".")[0] == absent or name.startswith(DROPPED)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, absent, None)  # as if it were not installed
    monkeypatch.setattr(sys, "argv", ["vidzoo", *words.format(*[tmp_path] * 2).split()])
    with pytest.raises(SystemExit) as end:
        main()
    stderr = capsys.readouterr().err
    assert (end.value.code, stderr.count("\n")) == (2, 1)
    assert said in stderr
