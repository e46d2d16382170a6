"""Submit predictions to a leaderboard: score, store and rank them."""

from __future__ import annotations

import argparse
import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

from vidzoo.errors import ConfigError

if TYPE_CHECKING:
    from vidzoo.leaderboard.server.signing import Token

EXAMPLES = """\
  %(prog)s work_dirs/quickstart/predictions.npz --benchmark synth@1/trial --model "VID-Network r18" \\
      --card model_cards/vid_network.md --author "Ada Lovelace" --leaderboard leaderboard
  %(prog)s predictions.npz --benchmark vid@1/loso --model mine --card card.md --author "A. B." \\
      --leaderboard https://leaderboard.my-lab.org --token-file ~/.vidzoo-token
"""


def _read_token(path: str | None) -> Token:
    """Return the token of a file, of the environment's VIDZOO_TOKEN, or typed in.

    Raises:
        ConfigError: it is missing or none.
    """
    from vidzoo.leaderboard.server.signing import Token

    if path is not None:
        file = Path(path).expanduser()
        if not file.is_file():
            raise ConfigError(f"--token-file {path}: no such file.")
        return Token.parse(file.read_text(encoding="utf-8", errors="replace"))
    if "VIDZOO_TOKEN" in os.environ:
        return Token.parse(os.environ["VIDZOO_TOKEN"])
    try:
        return Token.parse(getpass.getpass("token (user:key): "))
    except (EOFError, OSError):
        raise ConfigError("a server wants a token: --token-file FILE, or the variable VIDZOO_TOKEN.") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("predictions", help="predictions.npz of vidzoo test --out")
    parser.add_argument("--benchmark", required=True, help="name@version/protocol, as in synth@1/trial")
    parser.add_argument("--model", required=True, help="as the table shall call it")
    parser.add_argument("--card", required=True, help="the model card, Markdown")
    parser.add_argument("--author", required=True, action="append", metavar="NAME", help="once for each author")
    parser.add_argument(
        "--leaderboard",
        required=True,
        metavar="DIR_OR_URL",
        help="a folder or a server; a new or empty folder is set up",
    )
    parser.add_argument("--licence", default="CC-BY-4.0", help="of the submission, SPDX (default: %(default)s)")
    parser.add_argument(
        "--results", metavar="FILE", help="the figures claimed (default: results.json beside PREDICTIONS)"
    )
    parser.add_argument("--remark", default="", help="a sentence for the table's readers")
    parser.add_argument("--supersedes", metavar="ENTRY", help="your entry that this one takes the place of")
    parser.add_argument("--reproduces", metavar="ENTRY", help="another author's entry that this run repeats")
    parser.add_argument(
        "--labels", nargs="+", default=[], metavar="FILE", help="data files, for a folder that does not hold the labels"
    )
    parser.add_argument("--token-file", metavar="FILE", help="for a server (or the variable VIDZOO_TOKEN)")


def run(args: argparse.Namespace) -> None:
    """Submit, and print the tables and the rank."""
    from vidzoo.evaluation.report import format_report
    from vidzoo.leaderboard.submit import make_submission, submit_to_folder, submit_to_server

    submission = make_submission(
        args.predictions,
        args.benchmark,
        args.model,
        args.card,
        args.author,
        args.licence,
        args.results,
        args.remark,
        args.supersedes,
        args.reproduces,
    )
    if args.leaderboard.startswith(("http://", "https://")):
        receipt = submit_to_server(submission, args.predictions, args.leaderboard, _read_token(args.token_file))
    else:
        receipt = submit_to_folder(submission, args.predictions, args.leaderboard, args.labels)
    print(format_report(receipt.results))
    print(f"\n{args.benchmark}: rank {receipt.rank} of {receipt.ranked}, entry {receipt.entry}")
    if "://" not in args.leaderboard:
        print(f"the page: {Path(args.leaderboard, 'index.html').resolve()}")
