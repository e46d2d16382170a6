"""Arguments that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


def whole_number(low: int) -> Callable[[str], int]:
    """Return an argument's type: a whole number of ``low`` or more."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if number < low:
            raise argparse.ArgumentTypeError(f"'{text}': expected a whole number, {low} or more")
        return number

    return read


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add what overrides keys of a config."""
    parser.add_argument("--data", metavar="FILE", help="the data file (.h5), in place of the config's")
    parser.add_argument("--split", metavar="FILE", help="its split (.json), in place of the config's")
    parser.add_argument(
        "--features", metavar="FILE", help="its features (.h5 of vidzoo features), read in place of its images"
    )
    parser.add_argument(
        "--cfg-options", nargs="+", action=CfgOptions, metavar="K=V", help="override keys of the config: a.b.c=value"
    )


def config_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return dotted key -> value, of what :func:`add_config_options` added."""
    files = {"data_file": args.data, "split": args.split, "features": args.features}
    return (args.cfg_options or {}) | {key: path for key, path in files.items() if path is not None}


def add_launch_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how many processes there are."""
    parser.add_argument(
        "--gpus",
        type=whole_number(1),
        metavar="N",
        help="start N processes on this machine: one per GPU, or on the CPU where there is none (default: this one)",
    )
    parser.add_argument(
        "--launcher",
        choices=("none", "pytorch", "slurm"),
        default="none",
        help="what has started this process: torchrun or srun (default: none of them)",
    )


class CfgOptions(argparse.Action):
    """Read ``a.b.c=value`` words into a dict; what is no such word ends the command with one sentence."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        """Add the words ``values`` to what ``namespace`` holds."""
        from mmengine.config import DictAction

        read = DictAction(self.option_strings, self.dest, nargs="+")
        for word in values:
            if not word.partition("=")[1] or word.startswith("="):
                parser.error(f"{option_string} {word}: expected KEY=VALUE, as in train_cfg.max_epochs=5.")
            try:
                read(parser, namespace, [word], option_string)
            except AssertionError as error:
                parser.error(f"{option_string} {word}: {error}.")
