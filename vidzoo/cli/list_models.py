"""Print the names of the models and recipes, and which have trained weights."""

from __future__ import annotations

import argparse

EXAMPLES = """\
  %(prog)s
  %(prog)s 'vidnet_*'
  %(prog)s --pretrained     # those that get_model(NAME, pretrained=True) and 'vidzoo test NAME pretrained' know
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("pattern", nargs="?", help="print those that match it (default: all)")
    parser.add_argument("--pretrained", action="store_true", help="print those that have trained weights")


def run(args: argparse.Namespace) -> None:
    """Print one name a line, and behind it the size of its weights or '-'."""
    from vidzoo.apis import list_models
    from vidzoo.apis.model_index import weights_size

    names = list_models(args.pattern, args.pretrained)
    width = max(map(len, names), default=0)
    for name in names:
        size = weights_size(name)
        print(f"{name:<{width}}  {'-' if size is None else f'weights, {size / 1e6:.1f} MB'}")
