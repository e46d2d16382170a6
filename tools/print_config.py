"""Print a config with all its bases and overrides merged."""

import argparse

from vidzoo.engine import CfgOptions, load_config
from vidzoo.errors import run_tool


def main() -> None:
    """Parse the arguments and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example:\n  python tools/print_config.py configs/vidnet_r101.py --cfg-options train_cfg.max_epochs=50",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", help="the config file")
    parser.add_argument(
        "--cfg-options", nargs="+", action=CfgOptions, metavar="K=V", help="override keys of the config: a.b.c=value"
    )
    args = parser.parse_args()
    print(load_config(args.config, args.cfg_options).pretty_text)


if __name__ == "__main__":
    run_tool(main)
