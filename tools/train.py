"""Train a model by a config."""

import argparse

from vidzoo.engine import CfgOptions, train
from vidzoo.errors import run_tool

EXAMPLES = """examples:
  python tools/train.py configs/vidnet_r18.py
  python tools/train.py configs/vidnet_r18.py --resume            # go on where it stopped, or begin
  python tools/train.py configs/vidnet_r101.py --amp --work-dir work_dirs/mine --cfg-options train_cfg.max_epochs=50
  bash tools/dist_train.sh configs/vidnet_r101.py 2                     # two GPUs, or two processes without any
"""


def main() -> None:
    """Parse the arguments and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="the config file")
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
    parser.add_argument(
        "--cfg-options", nargs="+", action=CfgOptions, metavar="K=V", help="override keys of the config: a.b.c=value"
    )
    parser.add_argument("--launcher", choices=("none", "pytorch", "slurm"), default="none", help="set by the scripts")
    args = parser.parse_args()
    train(
        args.config,
        work_dir=args.work_dir,
        resume=args.resume,
        amp=args.amp,
        cfg_options=args.cfg_options,
        launcher=args.launcher,
    )


if __name__ == "__main__":
    run_tool(main)
