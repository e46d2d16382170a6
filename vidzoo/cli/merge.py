"""Put the trials of several data files into one.

A trial that is in two files, such as a measured one and the same drawn as made-up people, gets the cameras of both.
"""

from __future__ import annotations

import argparse

EXAMPLES = """\
  %(prog)s data/made_up.h5 data/drawn.h5 data/measured.h5 --out data/all.h5
  %(prog)s data/made_up.h5 data/measured.h5 --subjects person1 person2 person3 subject4 --out data/few.h5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("files", nargs="+", metavar="DATA", help="data files (.h5)")
    parser.add_argument("--out", required=True, help="data file to write (.h5)")
    parser.add_argument("--subjects", nargs="+", default=[], metavar="NAME", help="whose trials (default: all)")
    parser.add_argument("--actions", nargs="+", default=[], metavar="NAME", help="such as walking DJ (default: all)")


def run(args: argparse.Namespace) -> None:
    """Write the file and print what is in it."""
    from vidzoo.io.data_file.merge import merge_data_files

    for path, trials in merge_data_files(args.files, args.out, args.subjects, args.actions).items():
        print(f"{trials:>7} trials of {path}")
    print(f"wrote {args.out}")
