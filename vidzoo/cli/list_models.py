"""Print the names of the zoo's models, which are the names of their recipes."""

from __future__ import annotations

import argparse

EXAMPLES = """\
  %(prog)s
  %(prog)s 'vidnet_*'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument."""
    parser.add_argument("pattern", nargs="?", help="print those that match it (default: all)")


def run(args: argparse.Namespace) -> None:
    """Print one name a line."""
    from vidzoo.apis import list_models

    print("\n".join(list_models(args.pattern)))
