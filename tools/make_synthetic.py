#!/usr/bin/env python
"""Make a synthetic data file: made-up people, exact physics, drawn pictures; for a machine without a data set."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from vidzoo.errors import run_tool


def main() -> None:
    """Parse the command line, make the file, print what was made."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example:\n  python tools/make_synthetic.py --out data/synth.h5 --subjects 4 --seed 0",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", required=True, help="data file to write")
    parser.add_argument("--subjects", type=int, default=4, help="people, women and men in turn (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same file (default: %(default)s)")
    parser.add_argument(
        "--trials-per-family", type=int, default=2, help="trials of each of the eight actions (default: %(default)s)"
    )
    parser.add_argument("--image-size", type=int, default=128, help="side of the pictures, px (default: %(default)s)")
    parser.add_argument(
        "--cameras", type=int, default=1, help="cameras around the person, 1 to 5 (default: %(default)s)"
    )
    parser.add_argument("--jobs", type=int, help="processes (default: one per core)")
    args = vars(parser.parse_args())
    # Here, so that run_tool words the missing extra and --help needs none.
    from vidzoo.synthetic import make_synthetic

    rows = make_synthetic(args.pop("out"), **args)
    table = Table(title="synthetic trials")
    for column in rows[0]:
        table.add_column(column, justify="left" if column in ("subject", "trial") else "right")
    for row in rows:
        table.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    total = {key: sum(row[key] for row in rows) for key in ("frames", "images")}
    table.add_section()
    table.add_row("all", str(len(rows)), str(total["frames"]), str(total["images"]), "", "", "")
    Console().print(table)


if __name__ == "__main__":
    run_tool(main)
