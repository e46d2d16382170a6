"""Make a data file of synthetic people.

Their motion is made up, the physics is exact and the pictures are drawn: for a machine without a data set. Needs the
extra: pip install 'vidzoo[synthetic]'.
"""

from __future__ import annotations

import argparse

from vidzoo.cli.arguments import whole_number

EXAMPLES = """\
  %(prog)s --out data/synth.h5 --subjects 4 --seed 0
  %(prog)s --out data/people.h5 --subjects 12 --varied
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    number = whole_number(1)
    parser.add_argument("--out", required=True, help="data file to write (.h5)")
    parser.add_argument(
        "--subjects", type=number, default=4, help="people, women and men in turn (default: %(default)s)"
    )
    parser.add_argument("--seed", type=whole_number(0), default=0, help="same seed, same file (default: %(default)s)")
    parser.add_argument(
        "--trials-per-action", type=number, default=2, help="trials of each of the eight actions (default: %(default)s)"
    )
    parser.add_argument(
        "--image-size", type=number, default=128, help="side of the pictures, px (default: %(default)s)"
    )
    parser.add_argument(
        "--cameras", type=number, default=1, help="cameras around the person, 1 to 5 (default: %(default)s)"
    )
    parser.add_argument(
        "--varied",
        action="store_true",
        help="people with the variety of people, motion without pictures: draw them with 'vidzoo draw'",
    )
    parser.add_argument("--jobs", type=number, metavar="N", help="processes (default: one per core)")


def run(args: argparse.Namespace) -> None:
    """Make the file and print what was made."""
    from rich.console import Console
    from rich.table import Table

    from vidzoo.synthetic import make_synthetic

    rows = make_synthetic(
        args.out,
        subjects=args.subjects,
        seed=args.seed,
        trials_per_action=args.trials_per_action,
        image_size=args.image_size,
        cameras=args.cameras,
        jobs=args.jobs,
        varied=args.varied,
    )
    table = Table(title="synthetic trials")
    for column in rows[0]:
        table.add_column(column, justify="left" if column in ("subject", "trial") else "right")
    for row in rows:
        table.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    total = {key: sum(row[key] for row in rows) for key in ("frames", "images")}
    table.add_section()
    table.add_row("all", str(len(rows)), str(total["frames"]), str(total["images"]), "", "", "")
    Console().print(table)
