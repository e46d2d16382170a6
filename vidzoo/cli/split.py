"""Divide a data file's frames into training, validation and test.

The validation subset is made with --val-share; the split is written as JSON.
"""

from __future__ import annotations

import argparse
import sys

from vidzoo.cli.arguments import whole_number

EXAMPLES = """\
  %(prog)s data/subject4.h5 --protocol block --out data/subject4_block.json
  %(prog)s data/vid.h5 --protocol loso --held-out subject4 --out data/loso4.json
  %(prog)s data/vid.h5 --protocol trial --val-share 0.1 --out data/trial_val.json
  %(prog)s data/vid.h5 --protocol transfer --train-cameras CamRender --test-cameras Cam2 --held-out squats \\
      --out data/rendered_to_real.json    # trains on drawn pictures, tests on real ones of other movements
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from vidzoo.io.split_protocols import GAP, TEST_SHARE
    from vidzoo.io.splits import PROTOCOLS

    parser.add_argument("file", help="the data file (.h5)")
    parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
    parser.add_argument("--out", required=True, help="the split to write (.json)")
    parser.add_argument(
        "--test-share", type=float, help=f"share that tests; block, trial, random_frame (default {TEST_SHARE})"
    )
    parser.add_argument(
        "--gap", type=int, help=f"frames between two subsets of a trial; block, --val-share (default {GAP})"
    )
    parser.add_argument(
        "--seed", type=whole_number(0), help="of the draw; trial, random_frame, --val-share (default 0)"
    )
    parser.add_argument(
        "--held-out",
        nargs="+",
        default=[],
        metavar="NAME",
        help="what tests: subjects (loso), actions (loao), cameras (cross_camera), or trials, actions or subjects "
        "(transfer), such as squats1, subject4/squats1, squats, subject4",
    )
    for does in ("train", "test"):
        parser.add_argument(
            f"--{does}-cameras", nargs="+", default=[], metavar="NAME", help=f"cameras whose images {does} (transfer)"
        )
    parser.add_argument(
        "--val-share",
        type=float,
        metavar="SHARE",
        help="share of the training frames that validates instead, such as 0.1 (default: no val subset)",
    )


def run(args: argparse.Namespace) -> None:
    """Write the split and print its table."""
    from vidzoo.io.atomic import check_output
    from vidzoo.io.data_file import DataFile
    from vidzoo.io.split_protocols import make_split, split_table

    check_output(args.out, args.file)
    data = DataFile(args.file)
    settings = ("test_share", "gap", "seed", "held_out", "train_cameras", "test_cameras", "val_share")
    split = make_split(data, args.protocol, **{name: getattr(args, name) for name in settings})
    split.save(args.out)
    print(split_table(split, data))
    print(f"written to {args.out}")
    if split.leaks:
        print(
            "warning: random_frame leaks: frames 10 ms apart are in different subsets, so that its figures are too "
            "good and comparable with no other protocol's.",
            file=sys.stderr,
        )
