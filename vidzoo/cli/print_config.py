"""Print a config with all its bases and overrides merged."""

from __future__ import annotations

import argparse

from vidzoo.cli.arguments import add_config_options, config_options

EXAMPLES = """\
  %(prog)s configs/vidnet_r101.py --cfg-options train_cfg.max_epochs=50
  %(prog)s vidnet_r101 > mine.py      # a recipe of the zoo, to write your own from
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("config", help="a config file, or the name of a recipe (vidzoo list-models)")
    add_config_options(parser)


def run(args: argparse.Namespace) -> None:
    """Print."""
    from vidzoo.apis import find_config
    from vidzoo.engine import load_config

    print(load_config(find_config(args.config), config_options(args)).pretty_text)
