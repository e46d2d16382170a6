"""Publish a trained model's weights, so that get_model loads them by name.

Writes weights/NAME.safetensors and a result file of that very file, and enters both into model-index.yml. Parameters
are in half precision where the tested figure stays the same to three digits. With them goes a golden sample, a small
input and its torques, which loading checks.
"""

from __future__ import annotations

import argparse

EXAMPLES = """\
  %(prog)s markernet_lstm work_dirs/markernet_lstm --data data/vid.h5 --split data/vid_block.json \\
      --result docs/results/markernet_lstm_block.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("name", help="the recipe (vidzoo list-models)")
    parser.add_argument("checkpoint", help="a checkpoint of its training, or the training's work dir")
    parser.add_argument("--data", required=True, metavar="FILE", help="the data file to test on (.h5)")
    parser.add_argument("--split", required=True, metavar="FILE", help="its split (.json)")
    parser.add_argument(
        "--result", required=True, metavar="JSON", help="the result file to write, of the published file"
    )
    parser.add_argument("--features", metavar="FILE", help="its features (.h5), which the tests read, not its images")
    parser.add_argument(
        "--sample-data", metavar="FILE", help="the data file that gives the golden sample (default: --data)"
    )
    parser.add_argument("--sample-split", metavar="FILE", help="its split")
    parser.add_argument("--work-dir", help="where the tests leave their logs (default: work_dirs/publish_NAME)")


def run(args: argparse.Namespace) -> None:
    """Publish, and say where the file is."""
    from vidzoo.apis import publish

    path = publish(
        args.name,
        args.checkpoint,
        data=args.data,
        split=args.split,
        result=args.result,
        features=args.features,
        sample_data=args.sample_data,
        sample_split=args.sample_split,
        work_dir=args.work_dir,
    )
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB; its figures are in {args.result}")
