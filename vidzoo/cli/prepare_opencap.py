"""Build a data file from OpenCap's LabValidation release.

The folder may be any in the layout of that release.
"""

from __future__ import annotations

import argparse

from vidzoo.cli.arguments import whole_number

EXAMPLES = """\
  %(prog)s LabValidation_withVideos --out data/vid.h5 --camera Cam2 --jobs 4
  %(prog)s LabValidation --out data/squats.h5 --subjects subject4 --trials squats1 \\
      --camera CamUnknown --box 160,330,400,800
"""


def _box(text: str) -> tuple[float, float, float, float]:
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no box; expected x,y,width,height in pixels") from None
    if not (width >= 1 and height >= 1 and max(map(abs, (x, y, width, height))) < 1e5):
        raise argparse.ArgumentTypeError(f"'{text}' is no box; its width and height must be a pixel or more")
    return x, y, width, height


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("root", help="folder that holds subject2, subject3, ...")
    parser.add_argument("--out", required=True, help="data file to write (.h5)")
    parser.add_argument("--subjects", nargs="+", default=[], metavar="NAME", help="default: all")
    parser.add_argument("--trials", nargs="+", default=[], metavar="NAME", help="default: all")
    parser.add_argument(
        "--camera", nargs="+", default=[], metavar="NAME",
        help="cameras that every trial must have, such as Cam2; 'none' for no images (default: all that a trial has)",
    )  # fmt: skip
    parser.add_argument(
        "--grid", choices=("mocap", "video"), default="mocap",
        help="frame times: those of the coordinates (100 Hz) or of the video's pictures (default: mocap)",
    )  # fmt: skip
    parser.add_argument(
        "--inverse-dynamics", choices=("stored", "opensim"), default="stored",
        help="torques of the .sto files, or computed by OpenSim, which also stores inertial torques and foot Jacobians",
    )  # fmt: skip
    parser.add_argument("--image-size", type=whole_number(1), default=256, metavar="PIXELS", help="default: 256")
    parser.add_argument(
        "--crop", choices=("trial", "frame"), default="trial",
        help="calibrated cameras: one box for a trial, or one that follows the body (default: trial)",
    )  # fmt: skip
    parser.add_argument(
        "--box", type=_box, metavar="X,Y,W,H",
        help="cameras without a usable calibration: what to cut out, in pixels (default: the full frame)",
    )  # fmt: skip
    parser.add_argument(
        "--mass-source",
        choices=("metadata", "force_plate"),
        default="metadata",
        help="masses: as written in the release, or weighed by the force plates (default: metadata)",
    )
    parser.add_argument(
        "--jobs", type=whole_number(1), default=1, metavar="N", help="trials built at a time (default: 1)"
    )


def run(args: argparse.Namespace) -> None:
    """Build, and print what was built and what was left out."""
    from rich.console import Console

    from vidzoo.data_prep.opencap import BuildOptions, build_opencap

    options = BuildOptions(
        subjects=tuple(args.subjects),
        trials=tuple(args.trials),
        cameras=tuple(args.camera),
        grid=args.grid,
        inverse_dynamics=args.inverse_dynamics,
        image_size=args.image_size,
        crop=args.crop,
        box=args.box,
        mass_source=args.mass_source,
    )
    report = build_opencap(args.root, args.out, options, jobs=args.jobs)
    console = Console()
    if not console.is_terminal:  # a pipe has no width: keep an entry on a line where it can
        console = Console(width=160)
    console.print(report.table())
