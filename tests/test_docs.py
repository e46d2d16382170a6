"""What the documents say is what the result files hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vidzoo.evaluation.report import comparison_table
from vidzoo.evaluation.score import read_results

ROOT = Path(__file__).parents[1]
TABLE = re.compile(r"<!-- results: (.+?) -->\n\n(.+?)\n\n", re.DOTALL)


@pytest.mark.parametrize("document", ["README.md", "model_cards/vid_network.md"])
def test_result_tables_come_from_the_result_files(document: str):
    """A table below ``<!-- results: a b -->`` is what tools/compare_results.py prints for docs/results/{a,b}.json."""
    tables = TABLE.findall((ROOT / document).read_text(encoding="utf-8"))
    assert tables
    for names, table in tables:
        assert table == comparison_table({n: read_results(ROOT / f"docs/results/{n}.json") for n in names.split()})


def test_links_lead_somewhere():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("model_cards/*.md")]:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_result_files_say_how_they_came_about():
    for path in (ROOT / "docs/results").glob("*.json"):
        results = read_results(path)
        provenance = results["provenance"]
        for key in ("commit", "torch", "device", "seed", "config", "checkpoint"):
            assert provenance[key] is not None, (path.name, key)
        assert results["data"]["motion"] and results["data"]["images"] and results["split"]["hash"]
        assert not re.search(r"['\"]/", provenance["config"]), f"{path.name} holds a path of somebody's machine"
