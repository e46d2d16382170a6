"""Train and test several configs with several seeds; print one table.

The table holds the mean and the spread over the seeds.
"""

from __future__ import annotations

import argparse

from vidzoo.cli.arguments import add_config_options, config_options
from vidzoo.errors import VidZooError

EXAMPLES = """\
  %(prog)s configs/vidnet_r18{,_stage2}.py configs/ablations/vidnet_r18_n*.py                  # Table 5
  %(prog)s configs/vidnet_r18_stage2.py configs/ablations/vidnet_r18_t*.py --seeds 0 1 2 3 4   # Table 9
  %(prog)s configs/vidnet_r18_stage2.py configs/ablations/vidnet_r18_*.py --table-only
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "configs", nargs="+", metavar="CONFIG", help="config files or names of recipes; these name the table's entries"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    parser.add_argument(
        "--work-dir",
        default="work_dirs/ablation",
        help="holds a folder for each config and seed, and ablation.json (default: work_dirs/ablation)",
    )
    parser.add_argument("--table-only", action="store_true", help="run nothing, make the table of what is there")
    add_config_options(parser)


def run(args: argparse.Namespace) -> None:
    """Run what is not there yet and print the table."""
    from vidzoo.apis import find_config
    from vidzoo.engine import ablate
    from vidzoo.evaluation.ablation import format_ablation

    configs = [find_config(config) for config in args.configs]
    table = ablate(configs, args.seeds, args.work_dir, config_options(args), args.table_only)
    print(format_ablation(table))
    failed = sum(len(row["failed"]) for row in table["rows"])
    if failed and not args.table_only:
        raise VidZooError(f"{failed} runs have no result, see above; run the same command again to go on with them.")
