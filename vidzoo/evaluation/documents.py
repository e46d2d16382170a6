"""Result tables in documents: written from the result files, so that no figure is typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vidzoo.errors import DataError
from vidzoo.evaluation import ablation, score
from vidzoo.evaluation.ablation import ablation_table
from vidzoo.evaluation.report import comparison_table
from vidzoo.evaluation.score import read_results

_FORMATS = {score.FORMAT: score.VERSION, ablation.FORMAT: ablation.VERSION}
_TABLE = re.compile(r"(<!-- (results|ablation): (.+?) -->\n\n)((?:\|[^\n]*\n)*)")


def read_tables(paths: Iterable[str | Path]) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Read result files and ablations; return both by name: the file's, or its folder's where that says more.

    Raises:
        DataError: a file is missing or neither, or two have one name.
    """
    results: dict[str, dict[str, Any]] = {}
    ablations: dict[str, dict[str, Any]] = {}
    for path in map(Path, paths):
        name = path.parent.name if path.stem in ("results", "ablation") else path.stem
        if name in results or name in ablations:
            raise DataError(f"{path}: another file is called '{name}' too; give one of them alone.")
        content = read_results(path, _FORMATS)
        (ablations if content["format"] == ablation.FORMAT else results)[name] = content
    return results, ablations


def fill_tables(
    text: str, results: dict[str, dict[str, Any]], ablations: dict[str, dict[str, Any]], document: str
) -> str:
    """Return a document's text with the tables below its marks made again.

    A mark is ``<!-- results: NAME ... -->``, one table of these results in this order, or ``<!-- ablation: NAME -->``,
    followed by an empty line and the table, if it is there already.

    Args:
        text: of the document.
        results: name -> what a result file holds.
        ablations: name -> what an ablation's file holds.
        document: its name, for the message.

    Raises:
        DataError: a mark names what is not there.
    """

    def table(found: re.Match[str]) -> str:
        names = found[3].split()
        known = results if found[2] == "results" else ablations
        missing = [name for name in names if name not in known]
        if missing:
            raise DataError(f"{document}: <!-- {found[2]}: ... --> names '{missing[0]}', but no such file was given.")
        tables = comparison_table({n: known[n] for n in names}) if known is results else ablation_table(known[names[0]])
        return f"{found[1]}{tables}\n" + ("" if found[4] else "\n")

    return _TABLE.sub(table, text)
