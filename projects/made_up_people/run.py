"""Train a model of landmarks on one split, test it on that and on others, with several seeds.

    python projects/made_up_people/run.py others4 --data data/all.h5 --split data/all_4.json \
        --test others4_real=data/all.h5,data/all_4_real.json

What is there already is not made again. The results are DIR/SETTING_seed0.json ...
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from vidzoo.apis import find_config
from vidzoo.engine import test, train

CONFIG = "landmarknet_made_up"


def main() -> None:
    """Read the arguments, train and test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setting", help="name of the results")
    parser.add_argument("--data", required=True, metavar="FILE", help="data file that trains")
    parser.add_argument("--split", required=True, metavar="FILE", help="its split")
    parser.add_argument(
        "--test", nargs="+", default=[], metavar="NAME=DATA,SPLIT", help="what else is tested (default: the split)"
    )
    parser.add_argument("--epochs", type=int, default=8, help="default: 8")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--out", type=Path, default=Path("docs/results/made_up"), metavar="DIR")
    parser.add_argument("--work-dirs", type=Path, default=Path("work_dirs/made_up"), metavar="DIR")
    args = parser.parse_args()
    config = find_config(CONFIG)
    tests = {args.setting: f"{args.data},{args.split}"} | dict(word.split("=", 1) for word in args.test)
    args.out.mkdir(parents=True, exist_ok=True)
    for seed in args.seeds:
        folder = args.work_dirs / f"{args.setting}_seed{seed}"
        if not (folder / f"epoch_{args.epochs}.pth").is_file():
            options = {
                "data_file": args.data, "split": args.split, "randomness.seed": seed,
                "train_cfg.max_epochs": args.epochs, "default_hooks.checkpoint.interval": args.epochs,
            }  # fmt: skip
            train(config, work_dir=str(folder), cfg_options=options)
        for name, where in tests.items():
            result = args.out / f"{name}_seed{seed}.json"
            if not result.is_file():
                data, split = where.split(",")
                predictions = folder / name / "predictions.npz"
                predictions.parent.mkdir(exist_ok=True)
                options = {"data_file": data, "split": split}
                test(config, str(folder), out=str(predictions), work_dir=str(folder), cfg_options=options)
                shutil.copyfile(predictions.with_name("results.json"), result)


if __name__ == "__main__":
    main()
