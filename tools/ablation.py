"""Train and test several configs with several seeds; print one table of means and spreads."""

import argparse

from vidzoo.engine import CfgOptions, ablate
from vidzoo.errors import VidZooError, run_tool
from vidzoo.evaluation.ablation import format_ablation

EXAMPLES = """examples:
  python tools/ablation.py configs/vidnet_r18{,_stage2}.py configs/ablations/vidnet_r18_n*.py                # Table 5
  python tools/ablation.py configs/vidnet_r18_stage2.py configs/ablations/vidnet_r18_t*.py --seeds 0 1 2 3 4 # Table 9
  python tools/ablation.py configs/vidnet_r18_stage2.py configs/ablations/vidnet_r18_*.py --table-only
"""


def main() -> None:
    """Parse the arguments, run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help="config files; their names are the table's")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    parser.add_argument(
        "--work-dir",
        default="work_dirs/ablation",
        help="holds a folder for each config and seed, and ablation.json (default: work_dirs/ablation)",
    )
    parser.add_argument("--table-only", action="store_true", help="run nothing, make the table of what is there")
    parser.add_argument(
        "--cfg-options", nargs="+", action=CfgOptions, metavar="K=V", help="override keys of every config: a.b.c=value"
    )
    args = parser.parse_args()
    table = ablate(args.configs, args.seeds, args.work_dir, args.cfg_options, args.table_only)
    print(format_ablation(table))
    failed = sum(len(row["failed"]) for row in table["rows"])
    if failed and not args.table_only:
        raise VidZooError(f"{failed} runs have no result, see above; run the same command again to go on with them.")


if __name__ == "__main__":
    run_tool(main)
