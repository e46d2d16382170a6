"""Find a person's landmarks in the images of a data file.

BlazePose finds and follows the person in each camera's images; where it takes left for right, the motion puts it right.
The landmarks are written into the file, which splits still fit: any model may take them as input.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vidzoo.cli.arguments import whole_number

EXAMPLES = """\
  %(prog)s data/vid.h5
  %(prog)s data/vid.h5 --out data/vid_landmarks.h5 --network lite --camera CamRender
  %(prog)s data/vid.h5 --person box --box 100 20 80 200   # several people: the one who stands there at first
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("data", help="data file (.h5)")
    parser.add_argument("--out", metavar="FILE", help="write a copy with the landmarks (default: into the file itself)")
    parser.add_argument(
        "--network", choices=("full", "lite"), default="full", help="BlazePose's network (default: %(default)s)"
    )
    parser.add_argument("--camera", nargs="+", default=[], metavar="NAME", help="these cameras alone (default: all)")
    parser.add_argument(
        "--person",
        choices=("largest", "central", "box"),
        default="largest",
        help="whom to follow where several people are seen (default: %(default)s)",
    )
    parser.add_argument(
        "--box",
        nargs=4,
        type=float,
        metavar=("X", "Y", "W", "H"),
        help="--person box: where that person is at first, px of the stored images",
    )
    parser.add_argument("--replace", action="store_true", help="find landmarks again where they are there already")
    parser.add_argument("--device", default="cpu", help="of torch, such as cuda (default: %(default)s)")
    parser.add_argument(
        "--at-once", type=whole_number(1), metavar="N", help="cameras that are followed side by side (default: 8)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found, and how fast, to this file")


def run(args: argparse.Namespace) -> None:
    """Find, write and print."""
    from rich.console import Console
    from rich.table import Table

    from vidzoo.anatomy import LANDMARK_LIMBS
    from vidzoo.pose.report import write_landmarks

    content = write_landmarks(
        args.data,
        args.out,
        network=args.network,
        person=args.person,
        box=tuple(args.box) if args.box else None,
        cameras=args.camera,
        replacing=args.replace,
        device=args.device,
        at_once=args.at_once,
        json_path=args.json,
    )
    table = Table(
        title="images, and in how many of them", caption="exchanged: left and right, put in order by the motion"
    )
    table.add_column("recording")
    for column in ("images", "found", "no person", "lost", *(f"{limb}\nexchanged" for limb in LANDMARK_LIMBS)):
        table.add_column(column, justify="right")
    for row in content["cameras"]:
        *place, images, found, nobody, lost, exchanged = row.values()
        table.add_row("/".join(place), *map(str, (images, found, nobody, lost, *exchanged.values())))
    Console().print(table)
    print(
        f"{content['images']:,} images, the person in {content['found']:,} of them; "
        f"{content['images_per_cpu_second']:.1f} images per second and core ({content['device']})"
    )
