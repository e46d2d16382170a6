"""Count the frames of a data file by trial and subject.

The table is in the form of the VID paper's Table 6: trials down, subjects across.
"""

from __future__ import annotations

import argparse

EXAMPLES = """\
  %(prog)s data/vid.h5
  %(prog)s data/vid.h5 --json --verify
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", help="data file (.h5)")
    parser.add_argument("--json", action="store_true", help="print subject -> trial -> frames as JSON")
    parser.add_argument("--verify", action="store_true", help="hash the whole file first, verified before or not")


def run(args: argparse.Namespace) -> None:
    """Print the counts."""
    import json

    from tabulate import tabulate

    from vidzoo.data_prep.stats import counts_table, frame_counts, total_minutes
    from vidzoo.io.data_file import DataFile

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
