"""Divide a data file's frames into training, test and perhaps validation, and write the manifest."""

from __future__ import annotations

import argparse
import sys

from vidzoo.errors import run_tool
from vidzoo.io.data_file import DataFile
from vidzoo.io.split_protocols import GAP, TEST_SHARE, make_split, split_table
from vidzoo.io.splits import PROTOCOLS

EXAMPLES = """examples:
  python tools/make_split.py data/subject4.h5 --protocol block --out data/subject4_block.json
  python tools/make_split.py data/vid.h5 --protocol loso --held-out subject4 --out data/loso4.json
  python tools/make_split.py data/vid.h5 --protocol trial --val-share 0.1 --out data/trial_val.json
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", help="the data file (.h5)")
    parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
    parser.add_argument("--out", required=True, help="the manifest to write (.json)")
    parser.add_argument(
        "--test-share", type=float, help=f"share that tests; block, trial, random_frame (default {TEST_SHARE})"
    )
    parser.add_argument(
        "--gap", type=int, help=f"frames between two subsets of a trial; block, --val-share (default {GAP})"
    )
    parser.add_argument("--seed", type=int, help="of the draw; trial, random_frame, --val-share (default 0)")
    parser.add_argument(
        "--held-out",
        nargs="+",
        default=[],
        metavar="NAME",
        help="subjects (loso), actions (loao) or cameras (cross_camera) that test",
    )
    parser.add_argument(
        "--val-share",
        type=float,
        metavar="SHARE",
        help="share of the training frames that validates instead, such as 0.1 (default: no val subset)",
    )
    args = parser.parse_args()

    data = DataFile(args.file)
    split = make_split(
        data,
        args.protocol,
        test_share=args.test_share,
        gap=args.gap,
        seed=args.seed,
        held_out=args.held_out,
        val_share=args.val_share,
    )
    split.save(args.out)
    print(split_table(split, data))
    print(f"written to {args.out}")
    if split.leaks:
        print(
            "warning: random_frame leaks, neighbours 10 ms apart fall into both subsets; its figures flatter and are "
            "comparable with no other protocol's.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    run_tool(main)
