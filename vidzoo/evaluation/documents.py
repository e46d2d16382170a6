"""Result tables in documents: written from the result files, so that no figure is typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vidzoo.errors import DataError
from vidzoo.evaluation import ablation, coverage, landmarks, motion, results
from vidzoo.evaluation.ablation import ablation_table
from vidzoo.evaluation.comparison import comparison_table
from vidzoo.evaluation.coverage import coverage_table
from vidzoo.evaluation.landmarks import found_table, landmarks_table
from vidzoo.evaluation.motion import motion_table
from vidzoo.evaluation.results import read_results

_VERSIONS = {module.FORMAT: module.VERSION for module in (results, ablation, coverage, landmarks)}
_VERSIONS |= {landmarks.FOUND_FORMAT: landmarks.FOUND_VERSION, motion.FORMAT: motion.VERSION}
_MARKS = {
    "results": results.FORMAT,
    "ablation": ablation.FORMAT,
    "coverage": coverage.FORMAT,
    "landmarks": landmarks.FORMAT,
    "found": landmarks.FOUND_FORMAT,
    "motion": motion.FORMAT,
}
"""What a mark says it is -> the format of the files that it names."""
_TABLE = re.compile(rf"(<!-- ({'|'.join(_MARKS)}): (.+?) -->\n\n)((?:\|[^\n]*\n)*(?:\nNotes: [^\n]*\n)?)")


def read_tables(paths: Iterable[str | Path]) -> dict[str, dict[str, Any]]:
    """Read files of results, ablations, coverage and landmarks; return each by its name, or its folder's.

    Raises:
        DataError: a file is missing, damaged or none of these, or two have one name.
    """
    tables: dict[str, dict[str, Any]] = {}
    for path in map(Path, paths):
        name = path.parent.name if path.stem in ("results", "ablation") else path.stem
        if name in tables:
            raise DataError(f"{path}: another file is called '{name}' too; give one of them alone.")
        tables[name] = read_results(path, _VERSIONS)
        try:
            format_tables({name: tables[name]})
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise DataError(f"{path}: is an incomplete or damaged results file ({error!r}); make it again.") from None
    return tables


def format_tables(tables: Mapping[str, dict[str, Any]]) -> list[str]:
    """Format tables in Markdown: one each of all results, an ablation, a coverage, all landmarks and their speeds."""
    compared = {name: table for name, table in tables.items() if table["format"] == results.FORMAT}
    found = [comparison_table(compared)] if compared else []
    for table in tables.values():
        if table["format"] == ablation.FORMAT:
            found.append(ablation_table(table))
        elif table["format"] == coverage.FORMAT:
            found.append(coverage_table(table))
    kinds = ((landmarks.FORMAT, landmarks_table), (landmarks.FOUND_FORMAT, found_table), (motion.FORMAT, motion_table))
    for format_, one_table in kinds:
        of_it = {name: table for name, table in tables.items() if table["format"] == format_}
        found += [one_table(of_it)] if of_it else []
    return found


def fill_tables(text: str, tables: Mapping[str, dict[str, Any]], document: str) -> str:
    """Return a document's text with the tables below its marks made again.

    A mark is ``<!-- results: NAME ... -->``, one table of these results in this order, ``<!-- ablation: NAME -->``,
    ``<!-- coverage: NAME -->``, ``<!-- landmarks: NAME ... -->`` or ``<!-- found: NAME ... -->`` (what
    ``vidzoo landmarks --json`` wrote), followed by an empty line and the table with its notes, if it is there already.

    Args:
        text: of the document.
        tables: of :func:`read_tables`.
        document: its name, for the message.

    Raises:
        DataError: a mark names what is not there.
    """

    def table(found: re.Match[str]) -> str:
        names = found[3].split()
        known = {name: table for name, table in tables.items() if table["format"] == _MARKS[found[2]]}
        missing = [name for name in names if name not in known]
        if missing:
            raise DataError(f"{document}: <!-- {found[2]}: ... --> names '{missing[0]}', but no such file was given.")
        (filled,) = format_tables({name: known[name] for name in names})
        return f"{found[1]}{filled}\n" + ("" if found[4] else "\n")

    return _TABLE.sub(table, text)
