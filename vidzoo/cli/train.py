"""Train a model by a config."""

from __future__ import annotations

import argparse

from vidzoo.cli.arguments import add_config_options, add_launch_options, config_options

EXAMPLES = """\
  %(prog)s configs/vidnet_r18.py
  %(prog)s configs/vidnet_r18.py --resume            # go on where it stopped, or begin
  %(prog)s vidnet_r101 --gpus 2 --amp                      # a recipe of the zoo by its name, on two GPUs
  %(prog)s vidnet_r101 --data data/mine.h5 --split data/mine_block.json --cfg-options train_cfg.max_epochs=50
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("config", help="a config file, or the name of a recipe (vidzoo list-models)")
    parser.add_argument("--work-dir", help="where logs and checkpoints go (default: work_dirs/<config's name>)")
    parser.add_argument(
        "--resume",
        nargs="?",
        const=True,
        default=False,
        metavar="CKPT",
        help="go on from CKPT, or from the newest checkpoint in the work dir",
    )
    parser.add_argument("--amp", action="store_true", help="mixed precision: float16 on a GPU, bfloat16 on a CPU")
    add_config_options(parser)
    add_launch_options(parser)


def run(args: argparse.Namespace) -> None:
    """Train, in this process or in several new ones."""
    if args.gpus and args.launcher == "none":
        from vidzoo.engine.launch import launch

        launch(args.gpus, args.command_line)
        return
    from vidzoo.apis import find_config
    from vidzoo.engine import train

    train(
        find_config(args.config),
        work_dir=args.work_dir,
        resume=args.resume,
        amp=args.amp,
        cfg_options=config_options(args),
        launcher=args.launcher,
    )
