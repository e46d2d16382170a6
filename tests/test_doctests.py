"""The examples in vidzoo's docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import vidzoo

ROOT = Path(vidzoo.__file__).parent
# By their text: importing all modules to look for examples would need every extra.
WITH_EXAMPLES = [path for path in sorted(ROOT.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_examples_of_a_module(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(".".join(path.relative_to(ROOT.parent).with_suffix("").parts))
    assert any(found.examples for found in doctest.DocTestFinder().find(module)), "its examples are in no docstring"
    assert doctest.testmod(module, optionflags=doctest.FAIL_FAST).failed == 0, "see what was printed"
