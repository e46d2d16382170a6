"""Run the frozen part of a network once over the images of a data file.

What it says of each image is kept in a file. A training of the same config reads this file in place of the images
(vidzoo train ... --features FILE) and gives the same numbers in a fraction of the time. The file fits one data file and
one frozen network; others refuse it.
"""

from __future__ import annotations

import argparse

from vidzoo.errors import ConfigError

EXAMPLES = """\
  %(prog)s data/mine.h5 --config vidnet_blazepose --out data/mine_features.h5
  vidzoo train vidnet_blazepose --data data/mine.h5 --split data/mine_block.json --features data/mine_features.h5
  %(prog)s data/mine.h5 --config vidnet_blazepose --out data/mine_features.h5 \\
      --speed speed.json --split data/mine_block.json    # and how much faster a training is with them
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("data", metavar="DATA", help="the data file (.h5)")
    parser.add_argument("--config", required=True, help="a config file, or the name of a recipe (vidzoo list-models)")
    parser.add_argument("--out", required=True, metavar="FILE", help="features file to write (.h5)")
    parser.add_argument(
        "--speed", metavar="FILE", help="measure training steps from images and from features; JSON to write"
    )
    parser.add_argument("--split", metavar="FILE", help="the split (.json) to train on; with --speed")


def run(args: argparse.Namespace) -> None:
    """Compute and write; print how many and how fast."""
    import json
    import tempfile

    from vidzoo.apis import find_config
    from vidzoo.engine.feature_speed import measure_speed
    from vidzoo.engine.features import make_features
    from vidzoo.io.atomic import atomic_path, check_output

    if (args.speed is None) != (args.split is None):
        raise ConfigError("--speed and --split go together: give both, or neither.")
    config = find_config(args.config)
    made = make_features(config, args.data, args.out)
    print(
        f"{args.out}: {made['num_features']:,} numbers of each of {made['images']:,} images, "
        f"{made['images'] / made['seconds']:.0f} images a second"
    )
    if args.speed is None:
        return
    check_output(args.speed, args.data, args.out, args.split)
    with tempfile.TemporaryDirectory() as logs:
        speed = measure_speed(config, args.data, args.split, args.out, logs) | {"making_the_features": made}
    with atomic_path(args.speed) as temporary:
        temporary.write_text(json.dumps(speed, indent=1) + "\n", encoding="utf-8")
    print(f"{args.speed}: training from features is {speed['times_faster']:.0f} times faster")
