"""Print the headlines of several results.json as one Markdown table below the baselines; or fill documents' tables."""

import argparse
from pathlib import Path

from vidzoo.errors import DataError, run_tool
from vidzoo.evaluation.documents import fill_tables, format_tables, read_tables
from vidzoo.io.atomic import atomic_path

EXAMPLES = """examples:
  python tools/compare_results.py work_dirs/*/results.json docs/results/*.json
  python tools/compare_results.py docs/results/*.json docs/results/*/*.json --fill README.md docs/*.md model_cards/*.md
"""


def main() -> None:
    """Parse the arguments and print, or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "results", nargs="+", help="results.json or ablation.json files; a run is named by its file or its folder"
    )
    parser.add_argument(
        "--fill", nargs="+", default=[], metavar="DOC", help="documents with <!-- results: NAME ... --> above a table"
    )
    args = parser.parse_args()
    tables = read_tables(args.results)
    if not args.fill:
        print("\n\n".join(format_tables(tables)))
    for document in map(Path, args.fill):
        if not document.is_file():
            raise DataError(f"--fill {document}: no such file.")
        before = document.read_text(encoding="utf-8")
        after = fill_tables(before, tables, document.name)
        if after != before:
            with atomic_path(document) as temporary:
                temporary.write_text(after, encoding="utf-8")
        print(f"{document}: {'filled again' if after != before else 'as it was'}")


if __name__ == "__main__":
    run_tool(main)
