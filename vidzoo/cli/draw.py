"""Draw the motion of any data file as made-up people, from many places.

Bodies are as long in every segment as the recorded ones; girths, clothes, skin, surroundings and cameras are made up.
Torques and everything else but the cameras are kept. A stopped command goes on where it was when it is given again.
Needs the extra: pip install 'vidzoo[synthetic]'.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from vidzoo.cli.arguments import whole_number

EXAMPLES = """\
  %(prog)s data/vid.h5 --people 4 --cameras 2 --out data/drawn.h5
  %(prog)s data/vid.h5 --subjects subject5 subject6 --people 20 --landmarks full --out data/drawn.h5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    number = whole_number(1)
    parser.add_argument("data", metavar="DATA", help="the data file whose motion is drawn (.h5)")
    parser.add_argument("--out", required=True, help="data file to write (.h5)")
    parser.add_argument(
        "--people", type=number, default=1, metavar="N", help="people as whom each trial is drawn (default: 1)"
    )
    parser.add_argument(
        "--cameras", type=number, default=1, metavar="K", help="places each of them is seen from (default: 1)"
    )
    parser.add_argument("--subjects", nargs="+", default=[], metavar="NAME", help="whose motion (default: all)")
    parser.add_argument("--actions", nargs="+", default=[], metavar="NAME", help="such as walking DJ (default: all)")
    parser.add_argument("--image-size", type=number, default=256, metavar="PIXELS", help="default: 256")
    parser.add_argument("--fps", type=float, default=60.0, help="pictures a second (default: 60)")
    parser.add_argument(
        "--landmarks", choices=("full", "lite", "truth"),
        help="find the landmarks by this network and keep them instead of the pictures, 0.5 kB for each; 'truth': keep "
        "the figure's joint centres, as perfect eyes would see them",
    )  # fmt: skip
    parser.add_argument("--seed", type=whole_number(0), default=0, help="same seed, same file (default: %(default)s)")
    parser.add_argument("--jobs", type=number, metavar="N", help="processes (default: one per core)")
    parser.add_argument("--speed", type=Path, metavar="JSON", help="write how fast it was to this file")


def run(args: argparse.Namespace) -> None:
    """Draw, and print what was drawn."""
    from rich.console import Console

    from vidzoo.synthetic.draw import DrawOptions, draw_data_file, speed, summary

    make_eyes = None
    if args.landmarks in ("full", "lite"):
        from vidzoo.pose.eyes import Eyes

        make_eyes = partial(Eyes, args.landmarks)
    options = DrawOptions(
        people=args.people,
        cameras=args.cameras,
        image_size=args.image_size,
        fps=args.fps,
        seed=args.seed,
        subjects=tuple(args.subjects),
        actions=tuple(args.actions),
        truth=args.landmarks == "truth",
    )
    rows = draw_data_file(args.data, args.out, options, jobs=args.jobs, make_eyes=make_eyes)
    Console().print(summary(rows))
    if args.speed is not None:
        from vidzoo.evaluation.results import write_results

        write_results(args.speed, speed(rows, options, args.landmarks))
