"""Hold made-up motion against measured motion.

Per action: angles, rates, torques, ground reaction and contact times of the trials, and the gap of motion: the error on
the measured motion of a small model that learnt from the made-up one, with perfect eyes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vidzoo.cli.arguments import whole_number

EXAMPLES = """\
  %(prog)s data/people.h5 data/vid.h5 --json docs/results/motion/people.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("made_up", help="data file of made-up people (.h5), see vidzoo make-synthetic --varied")
    parser.add_argument("measured", help="data file of measured people (.h5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file")
    parser.add_argument(
        "--seeds", type=whole_number(0), default=3, help="models that measure the gap; 0: none (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> None:
    """Compare, print and write."""
    from vidzoo.evaluation.motion import compare_motion, motion_table
    from vidzoo.evaluation.results import write_results
    from vidzoo.io.atomic import check_output
    from vidzoo.io.data_file import DataFile
    from vidzoo.io.provenance import commit, processor

    if args.json is not None:
        check_output(args.json, args.made_up, args.measured)
    made_up, measured = DataFile(args.made_up), DataFile(args.measured)
    content = compare_motion(made_up, measured)
    if args.seeds:
        from vidzoo.evaluation.motion_gap import motion_gap

        content["gap"] = motion_gap(made_up, measured, tuple(range(args.seeds)))
    content["provenance"] = {"commit": commit(), "device": processor()}
    print(motion_table({"": content}))
    if args.json is not None:
        write_results(args.json, content)
