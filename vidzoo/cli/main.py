"""Find the command that was asked for, parse its arguments and run it."""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
from types import ModuleType

import vidzoo
from vidzoo.cli.run_tool import run_tool
from vidzoo.errors import UnknownNameError

GROUPS = {
    "data": (
        "prepare-opencap",
        "make-synthetic",
        "draw",
        "merge",
        "landmarks",
        "dataset-stats",
        "split",
        "prepare-pose3d",
        "features",
    ),
    "models": ("train", "test", "physics-baseline", "list-models", "print-config", "publish", "convert-blazepose"),
    "results": ("compare", "score-landmarks", "compare-motion", "ablation", "plot", "interval-coverage"),
    "leaderboard": ("submit", "leaderboard", "serve-leaderboard"),
}
"""The commands as ``vidzoo --help`` lists them; each is the module of its name."""


def main(command: str | None = None, prog: str | None = None) -> None:
    """Run a command with the arguments of the command line and exit with its status.

    Args:
        command: its name; None: the command line's first word.
        prog: what the user typed to call it, for its ``--help``.
    """
    run_tool(lambda: _dispatch(command, prog, sys.argv[1:]))


def _dispatch(command: str | None, prog: str | None, words: list[str]) -> int | None:
    if command is None:
        if not words or words[0] in ("-h", "--help"):
            print(overview())
            return None if words else 2
        if words[0] == "--version":
            print(vidzoo.__version__)
            return None
        command, *words = words
    commands = [name for names in GROUPS.values() for name in names]
    if command not in commands:
        near = difflib.get_close_matches(command, commands, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "'vidzoo --help' lists the commands."
        raise UnknownNameError(f"vidzoo has no command '{command}'; {hint}")
    module = _module(command)
    parser = argparse.ArgumentParser(
        prog=prog or f"vidzoo {command}",
        description=module.__doc__,
        epilog=f"examples:\n{module.EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    parser.set_defaults(command_line=[command, *words])
    return module.run(parser.parse_args(words))


def overview() -> str:
    """Return what ``vidzoo --help`` prints: every command with the first line of its description."""
    lines = ["usage: vidzoo COMMAND ...    vidzoo COMMAND --help    vidzoo --version", "", vidzoo.__doc__ or ""]
    for group, names in GROUPS.items():
        lines += ["", f"{group}:"]
        lines += [f"  {name:<19}{(_module(name).__doc__ or '').splitlines()[0]}" for name in names]
    return "\n".join(lines)


def _module(command: str) -> ModuleType:
    return importlib.import_module(f"vidzoo.cli.{command.replace('-', '_')}")
