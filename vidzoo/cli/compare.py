"""Print the headlines of several results.json as one table.

The table is Markdown, the baselines above the models. It gives each model's difference to the best one of its test
subset with a paired 95 % interval, and marks with ≈ those that are not told apart from it. With --fill it is written
into documents.
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
    from vidzoo.evaluation.documents import fill_tables, format_tables, read_tables
    from vidzoo.io.atomic import atomic_path, check_output

    for document in args.fill:
        check_output(document, *args.results)
    tables = read_tables(args.results)
    if not args.fill:
        print("\n\n".join(format_tables(tables)))
    for document in map(Path, args.fill):
        if not document.is_file():
            raise DataError(f"--fill {document}: no such file.")
        try:
            written = document.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"--fill {document}: is no text in UTF-8 (byte {error.start}).") from None
        line_end = "\r\n" if "\r\n" in written else "\n"
        before = written.replace("\r\n", "\n")
        after = fill_tables(before, tables, document.name)
        if after != before:
            with atomic_path(document) as temporary:
                temporary.write_text(after, encoding="utf-8", newline=line_end)
        print(f"{document}: {'tables written' if after != before else 'unchanged'}")
