"""Print the headlines of several results.json as one Markdown table, floors beside every figure."""

import argparse
from pathlib import Path

from vidzoo.errors import run_tool
from vidzoo.evaluation.report import comparison_table
from vidzoo.evaluation.score import read_results

EXAMPLES = """example:
  python tools/compare_results.py work_dirs/*/results.json docs/results/*.json
"""


def main() -> None:
    """Parse the arguments and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="+", help="results.json files; a run is named by its file or its folder")
    args = parser.parse_args()
    paths = [Path(path) for path in args.results]
    names = [path.parent.name if path.stem == "results" else path.stem for path in paths]
    print(comparison_table({name: read_results(path) for name, path in zip(names, paths)}))


if __name__ == "__main__":
    run_tool(main)
