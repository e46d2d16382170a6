"""Draw predicted against measured torques of one test trial."""

from __future__ import annotations

import argparse

from vidzoo.errors import ConfigError

EXAMPLES = """\
  %(prog)s work_dirs/quickstart/predictions.npz --data data/synth.h5 \\
      --split data/synth_trial.json --out curves.png
  %(prog)s predictions.npz --data data/subject4.h5 --split data/subject4_block.json \\
      --out DJ1.png --subject subject4 --trial DJ1
  %(prog)s work_dirs/quickstart/predictions.npz --data data/synth.h5 \\
      --split data/synth_trial.json --out overview.png --overview
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("predictions", metavar="PREDICTIONS", help="the predictions (.npz) of vidzoo test --out")
    parser.add_argument("--data", required=True, metavar="FILE", help="the data file (.h5) with the labels")
    parser.add_argument("--split", required=True, metavar="FILE", help="the split (.json)")
    parser.add_argument("--out", required=True, metavar="FILE", help="the picture to write: .png, .pdf or .svg")
    parser.add_argument("--subject", help="with --trial; default: the trial whose error is nearest to the median")
    parser.add_argument("--trial", help="with --subject")
    parser.add_argument(
        "--overview", action="store_true", help="the legs' torques beside an image of the trial with the person's pose"
    )


def run(args: argparse.Namespace) -> None:
    """Draw."""
    if (args.subject is None) != (args.trial is None):
        raise ConfigError("--subject and --trial go together: give both, or neither for a typical trial.")

    from vidzoo.io.atomic import check_output
    from vidzoo.io.data_file import DataFile
    from vidzoo.io.predictions import read_predictions
    from vidzoo.io.splits import Split
    from vidzoo.visualization.overview import plot_overview
    from vidzoo.visualization.torque_curves import plot_recording, save_figure, typical_recording

    check_output(args.out, args.predictions, args.data, args.split)
    predictions, data, split = read_predictions(args.predictions), DataFile(args.data), Split.load(args.split)
    recording = (args.subject, args.trial) if args.subject else typical_recording(predictions, data, split)
    draw = plot_overview if args.overview else plot_recording
    save_figure(draw(predictions, data, split, *recording), args.out)
    print(f"{'/'.join(recording)} drawn to {args.out}")
