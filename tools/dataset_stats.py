"""Count the frames of a data file: trials down, subjects across, as in the VID paper's Table 6."""

from __future__ import annotations

import argparse
import json

from tabulate import tabulate

from vidzoo.data_prep.stats import counts_table, frame_counts, total_minutes
from vidzoo.errors import run_tool
from vidzoo.io.data_file import DataFile

EXAMPLE = """example:
  python tools/dataset_stats.py data/vid.h5
  python tools/dataset_stats.py data/vid.h5 --json --verify
"""


def main() -> None:
    """Parse the arguments and print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", help="data file (.h5)")
    parser.add_argument("--json", action="store_true", help="print subject -> trial -> frames as JSON")
    parser.add_argument("--verify", action="store_true", help="hash the whole file first, verified before or not")
    args = parser.parse_args()

    data = DataFile(args.file)
    if args.verify:
        data.verify()
    counts = frame_counts(data)
    if args.json:
        print(json.dumps(counts, indent=1))
        return
    header, rows = counts_table(counts)
    print(tabulate(rows, headers=header, intfmt=","))
    print(f"\n{rows[-1][-1]:,} frames in {sum(map(len, counts.values()))} trials, {total_minutes(data):.1f} min")


if __name__ == "__main__":
    run_tool(main)
