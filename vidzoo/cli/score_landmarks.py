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
    from rich.console import Console
    from rich.table import Table

    from vidzoo.evaluation.landmarks import score_landmarks
    from vidzoo.evaluation.results import write_results
    from vidzoo.io.atomic import check_output
    from vidzoo.io.data_file import DataFile

    if args.out is not None:
        check_output(args.out, args.data)
    content = score_landmarks(DataFile(args.data))
    table = Table(title="landmarks against motion capture")
    for column in ("recording", "kind", "found", "mm", "px, hip to toe", "knee r, r/l", "exchanged before", "after"):
        table.add_column(column)
    for row in content["cameras"]:
        sides = row.get("exchanged", {})
        table.add_row(
            f"{row['subject']}/{row['trial']}/{row['camera']}",
            row["kind"],
            f"{row['found']}/{row['images']}",
            str(row.get("world_mm", "")),
            " ".join(str(row["pixels"][joint]) for joint in ("hip", "knee", "ankle", "toe")) if "pixels" in row else "",
            "/".join(str(row["knee"][side]["r"]) for side in "rl") if "knee" in row else "",
            *(" ".join(f"{limb} {counts[when]}" for limb, counts in sides.items()) for when in ("before", "after")),
        )
    Console().print(table)
    if args.out is not None:
        write_results(args.out, content)
