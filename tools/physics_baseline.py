"""Predict torques by physics alone, without force plates and without learning; score them and print the tables."""

from __future__ import annotations

import argparse

from vidzoo.errors import run_tool
from vidzoo.evaluation.physics_baseline import write_physics_baseline
from vidzoo.evaluation.report import format_report

EXAMPLE = """example (the file needs inertial torques and foot Jacobians; synthetic people have them):
  python tools/prepare_opencap.py LabValidation --out data/vid.h5 --camera none --inverse-dynamics opensim
  python tools/physics_baseline.py --data data/vid.h5 --split data/vid_block.json \\
      --out work_dirs/physics/predictions.npz
"""


def main() -> None:
    """Parse the arguments, predict, write and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="the data file (.h5)")
    parser.add_argument(
        "--split", required=True, help="the split manifest (.json); its training subset is for the floors"
    )
    parser.add_argument("--out", required=True, metavar="NPZ", help="the predictions; results.json is put beside them")
    args = parser.parse_args()
    print(format_report(write_physics_baseline(args.data, args.split, args.out)))


if __name__ == "__main__":
    run_tool(main)
