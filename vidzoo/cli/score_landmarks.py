"""Compare a data file's landmarks with its motion capture.

Distances from the markers in metres and in pixels, knee angles, jitter, and in how many images left and right are
exchanged, before and after they were put in order.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """\
  %(prog)s data/vid_landmarks.h5 --out docs/results/landmarks/rendered.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("data", help="data file with landmarks (.h5)")
    parser.add_argument("--out", type=Path, metavar="JSON", help="write the figures to this file")


def run(args: argparse.Namespace) -> None:
    """Compare, print and write."""
    from statistics import median

    from rich.console import Console
    from rich.table import Table

    from vidzoo.evaluation.landmarks import score_landmarks
    from vidzoo.evaluation.results import write_results
    from vidzoo.io.atomic import check_output
    from vidzoo.io.data_file import DataFile

    if args.out is not None:
        check_output(args.out, args.data)
    content = score_landmarks(DataFile(args.data))
    table = Table(
        title="landmarks against motion capture",
        caption="mm: mean distance, hip-centred; px: median over the joints; exchanged: sides of parts of the body",
    )
    table.add_column("recording", no_wrap=True)
    for column in ("found", "mm", "px", "knee r", "exchanged"):
        table.add_column(column, justify="right")
    for row in content["cameras"]:
        sides = row.get("exchanged", {}).values()
        before, after = (sum(counts[when] for counts in sides) for when in ("before", "after"))
        table.add_row(
            f"{row['subject']}/{row['trial']}/{row['camera']}",
            f"{row['found']}/{row['images']}",
            str(row.get("world_mm", "")),
            f"{median(row['pixels'].values()):.1f}" if "pixels" in row else "",
            " ".join(f"{row['knee'][side]['r']:.2f}" for side in "rl") if "knee" in row else "",
            f"{before} -> {after}" if sides else "",
        )
    Console().print(table)
    if args.out is not None:
        write_results(args.out, content)
