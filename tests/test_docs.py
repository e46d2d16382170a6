"""What the documents say is what the result files hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.errors import DataError
from vidzoo.evaluation.comparison import comparison_table
from vidzoo.evaluation.documents import fill_tables, read_tables
from vidzoo.evaluation.results import read_results

ROOT = Path(__file__).parents[1]


DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "docs/benchmark.md",
    ROOT / "docs/zoo_results.md",
    ROOT / "docs/physics_baseline.md",
    ROOT / "docs/landmarks.md",
    ROOT / "docs/synthetic.md",
    ROOT / "weights/README.md",
    *sorted(ROOT.glob("model_cards/*.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_tables_come_from_the_result_files(document: Path):
    """Below each mark is what tools/compare_results.py prints for the files under docs/results that it names."""
    tables = read_tables([*ROOT.glob("docs/results/*.json"), *ROOT.glob("docs/results/*/*.json")])
    text = document.read_text(encoding="utf-8")
    assert re.search("<!-- (results|motion|coverage|landmarks): ", text)
    assert fill_tables(text, tables, document.name) == text


def test_links_lead_somewhere():
    documents = [path for folder in (".", "docs", "model_cards", "weights") for path in ROOT.glob(f"{folder}/*.md")]
    links = [
        (document, target)
        for document in documents
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8"))
    ]
    assert ROOT / "README.md" in {document for document, _ in links}
    for document, target in links:
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_readmes_lines_of_python_run(capsys: pytest.CaptureFixture[str]):
    """Those of 'Use a trained model', as they stand there."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Use a trained model\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```python\n(.+?)```", section, re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert all(f"'{name}': " in printed for name in BENCHMARK_JOINTS)


def test_result_files_say_how_they_came_about():
    paths = list((ROOT / "docs/results").glob("*.json"))
    assert paths
    for path in paths:
        results = read_results(path)
        provenance = results["provenance"]
        learnt = "method" not in provenance  # what learns nothing says what it does instead
        for key in ("commit", "device", *(("torch", "seed", "config", "checkpoint") if learnt else ("method",))):
            assert provenance[key] is not None, (path.name, key)
        assert not provenance["commit"].endswith("-dirty"), path.name
        assert results["data"]["motion"] and results["split"]["hash"]
        assert results["data"]["images"] or "VIDNetwork" not in provenance.get("config", ""), path.name
        assert not re.search(r"['\"]/", provenance.get("config", "")), f"{path.name} holds a path of somebody's machine"


def test_ablations_say_how_they_came_about():
    ablations = read_tables(ROOT.glob("docs/results/ablations/*.json"))
    assert ablations
    for name, table in ablations.items():
        assert table["comparable"] and table["sources"], name
        for source in table["sources"]:
            assert source["provenance"]["commit"] and source["provenance"]["config"], (name, source["name"])


def test_filling_writes_below_the_marks_and_nowhere_else():
    (name, result), *_ = read_tables(ROOT.glob("docs/results/*.json")).items()
    before = f"# A page\n\n<!-- results: {name} -->\n\n| old |\n\nafter\n\n| another |\n\nend\n"
    after = fill_tables(before, {name: result}, "page.md")
    assert after == before.replace("| old |", comparison_table({name: result}))
    assert fill_tables(after, {name: result}, "page.md") == after
    bare = before.replace("| old |\n\n", "")
    assert fill_tables(bare, {name: result}, "page.md") == after, "a mark without a table yet eats what follows it"
    with pytest.raises(DataError, match=rf"page\.md: <!-- results: \.\.\. --> names '{name}', but no such file"):
        fill_tables(after, {}, "page.md")


@pytest.mark.parametrize("text", ['{"format": "vid-ablation"', '{"format": "vid-ablation"}', "[]", "vid-ablation"])
def test_a_broken_file_of_figures_is_one_sentence(text: str, tmp_path: Path):
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(DataError, match=r"table\.json: is no results file"):
        read_tables([tmp_path / "table.json"])
