"""Every model card answers the same questions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
QUESTIONS = (
    "takes",
    "gives",
    "units",
    "training data",
    "protocol",
    "results",
    "limits",
    "assumptions",
    "intended use",
    "citation",
)
TITLE = re.compile(r"^#+ (.+)$|^\| *([^|]*[^| ]) *\|", re.MULTILINE)
"""A heading, or the first cell of a table's row."""


@pytest.mark.parametrize("card", sorted(ROOT.glob("model_cards/*.md")), ids=lambda path: path.stem)
def test_a_card_answers_every_question(card: Path):
    """Which models have a card is the matter of tests/apis/test_model_index.py."""
    text = card.read_text(encoding="utf-8")
    titles = [(heading or cell).lower() for heading, cell in TITLE.findall(text)]
    missing = [question for question in QUESTIONS if not any(question in title for title in titles)]
    assert not missing, f"{card.name} has no heading, and no row of a table, for {', '.join(missing)}"
    assert "not for clinical decisions" in text.lower(), f"{card.name} must say: not for clinical decisions"
