"""Test a checkpoint by a config: print the tables, write the predictions."""

from __future__ import annotations

import argparse

from vidzoo.cli.arguments import add_config_options, add_launch_options, config_options

EXAMPLES = """\
  %(prog)s configs/vidnet_r18.py work_dirs/vidnet_r18    # its best checkpoint in validation, else the newest
  %(prog)s configs/vidnet_r18.py weights.safetensors --out results/predictions.npz
  %(prog)s markernet_lstm pretrained --data data/mine.h5 --split data/mine_trial.json    # the zoo's weights
  %(prog)s vidnet_r101 work_dirs/vidnet_r101/epoch_500.pth --gpus 2    # a recipe of the zoo by its name
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("config", help="a config file, or the name of a recipe (vidzoo list-models)")
    parser.add_argument(
        "checkpoint",
        help=".pth or .safetensors; a training's work dir; or 'pretrained', the recipe's published weights",
    )
    parser.add_argument("--work-dir", help="where the log goes (default: work_dirs/<config's name>)")
    parser.add_argument("--out", metavar="NPZ", help="write the predictions here and results.json beside them")
    add_config_options(parser)
    add_launch_options(parser)


def run(args: argparse.Namespace) -> None:
    """Test, in this process or in several new ones."""
    if args.gpus and args.launcher == "none":
        from vidzoo.engine.launch import launch

        launch(args.gpus, args.command_line)
        return
    from vidzoo.apis import find_config, find_weights
    from vidzoo.engine import test

    test(
        find_config(args.config),
        find_weights(args.config) if args.checkpoint == "pretrained" else args.checkpoint,
        out=args.out,
        work_dir=args.work_dir,
        cfg_options=config_options(args),
        launcher=args.launcher,
    )
