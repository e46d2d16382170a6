"""Test a checkpoint by a config: print the tables, write the predictions."""

import argparse

from vidzoo.engine import CfgOptions, test
from vidzoo.errors import run_tool

EXAMPLES = """examples:
  python tools/test.py configs/vidnet_r18.py work_dirs/vidnet_r18    # its newest checkpoint
  python tools/test.py configs/vidnet_r18.py weights.safetensors --out results/predictions.npz
  bash tools/dist_test.sh configs/vidnet_r101.py work_dirs/vidnet_r101/epoch_500.pth 2
"""


def main() -> None:
    """Parse the arguments and test."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="the config file")
    parser.add_argument("checkpoint", help="the weights, .pth or .safetensors, or a training's work dir")
    parser.add_argument("--work-dir", help="where the log goes (default: work_dirs/<config's name>)")
    parser.add_argument("--out", metavar="NPZ", help="write the predictions here and results.json beside them")
    parser.add_argument(
        "--cfg-options", nargs="+", action=CfgOptions, metavar="K=V", help="override keys of the config: a.b.c=value"
    )
    parser.add_argument("--launcher", choices=("none", "pytorch", "slurm"), default="none", help="set by the scripts")
    args = parser.parse_args()
    test(
        args.config,
        args.checkpoint,
        out=args.out,
        work_dir=args.work_dir,
        cfg_options=args.cfg_options,
        launcher=args.launcher,
    )


if __name__ == "__main__":
    run_tool(main)
