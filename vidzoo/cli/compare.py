"""Print the headlines of several results.json as one table.

The table is Markdown, the baselines above the models. With --fill it is written into documents.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vidzoo.errors import DataError

EXAMPLES = """\
  %(prog)s work_dirs/*/results.json docs/results/*.json
  %(prog)s docs/results/*.json docs/results/*/*.json --fill README.md docs/*.md model_cards/*.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "results", nargs="+", help="results.json or ablation.json files; a run is named by its file or its folder"
    )
    parser.add_argument(
        "--fill", nargs="+", default=[], metavar="DOC", help="documents with <!-- results: NAME ... --> above a table"
    )


def run(args: argparse.Namespace) -> None:
    """Print, or write."""
    from vidzoo.evaluation.ablation import ablation_table
    from vidzoo.evaluation.documents import fill_tables, read_tables
    from vidzoo.evaluation.report import comparison_table
    from vidzoo.io.atomic import atomic_path

    results, ablations = read_tables(args.results)
    if not args.fill:
        print(
            "\n\n".join([*([comparison_table(results)] if results else []), *map(ablation_table, ablations.values())])
        )
    for document in map(Path, args.fill):
        if not document.is_file():
            raise DataError(f"--fill {document}: no such file.")
        before = document.read_text(encoding="utf-8")
        after = fill_tables(before, results, ablations, document.name)
        if after != before:
            with atomic_path(document) as temporary:
                temporary.write_text(after, encoding="utf-8")
        print(f"{document}: {'tables written' if after != before else 'unchanged'}")
