"""Predict torques by physics alone and score them.

It uses no force plates and learns nothing. The data file needs inertial torques and foot Jacobians, as
prepare-opencap --inverse-dynamics opensim stores them; synthetic people have them.
"""

from __future__ import annotations

import argparse

EXAMPLES = """\
  %(prog)s --data data/vid.h5 --split data/vid_block.json --out work_dirs/physics/predictions.npz
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--data", required=True, metavar="FILE", help="the data file (.h5)")
    parser.add_argument(
        "--split", required=True, metavar="FILE", help="the split (.json); its training subset is for the baselines"
    )
    parser.add_argument("--out", required=True, metavar="NPZ", help="the predictions; results.json is put beside them")


def run(args: argparse.Namespace) -> None:
    """Predict, write and print."""
    from vidzoo.evaluation.physics_baseline import write_physics_baseline
    from vidzoo.evaluation.report import format_report

    print(format_report(write_physics_baseline(args.data, args.split, args.out)))
