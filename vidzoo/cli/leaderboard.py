"""Check, score again, render, compare, convert or extend a leaderboard's folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from vidzoo.leaderboard.store import Store

EXAMPLES = """\
  %(prog)s check leaderboard               # all in order? status 1 if not; for a project's CI
  %(prog)s check leaderboard --labels data/vid.h5   # of benchmarks whose labels are not in the store
  %(prog)s rescore leaderboard             # the figures as stored and as they come out now
  %(prog)s render leaderboard              # TABLE.md, table.json, index.html
  %(prog)s diff leaderboard ../main/leaderboard     # what is new against another store
  %(prog)s convert leaderboard             # entries of version 1 become version 2, with intervals
  %(prog)s define leaderboard --name vid@1 --data data/vid.h5 --split data/vid_block.json \\
      --source "simtk.org, OpenCap LabValidation" --licence "research only" --rule "The last fifth of each trial tests."
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands and their arguments."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="check|rescore|render|diff|convert|define")
    for name, does, text in (
        ("check", _check, "validate every file, score every entry again, look whether generated files are up to date"),
        ("rescore", _rescore, "print each entry's figures as stored and as they come out now"),
        ("render", _render, "write TABLE.md, table.json and index.html"),
        ("diff", _diff, "print what differs from another store, or from the table as it was written"),
        ("convert", _convert, "score entries of version 1 again and write them as version 2, under new names"),
        ("define", _define, "add a benchmark"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("folder", help="the leaderboard")
        command.set_defaults(does=does)
        if name in ("check", "rescore", "convert"):
            command.add_argument(
                "--labels",
                nargs="+",
                default=[],
                metavar="FILE",
                help="data files, for benchmarks whose labels are not in the store",
            )
        if name == "diff":
            command.add_argument("other", nargs="?", help="another store or table.json (default: the store's own)")
        if name == "define":
            command.add_argument("--name", required=True, help="name@version, as in vid@1")
            command.add_argument("--data", required=True, metavar="FILE", help="the data file")
            command.add_argument("--split", required=True, metavar="FILE", help="its split, of vidzoo split")
            command.add_argument("--source", required=True, help="where the data can be had, or what makes them")
            command.add_argument("--licence", required=True, help="of the data")
            command.add_argument("--rule", required=True, help="the protocol, in a sentence")
            command.add_argument("--public-labels", action="store_true", help="the labels may lie in the store")


def run(args: argparse.Namespace) -> int:
    """Do what the subcommand says."""
    from rich.console import Console

    from vidzoo.leaderboard.store import Store

    store = Store(args.folder, create=args.command == "define" and not Path(args.folder).exists())
    return args.does(store, args, Console())


def _check(store: Store, args: argparse.Namespace, console: Console) -> int:
    from rich.progress import track
    from rich.table import Table

    from vidzoo.leaderboard.check import check
    from vidzoo.leaderboard.page import render

    problems, unscored = check(
        store, render, args.labels, lambda paths: track(paths, "scoring", console=console, transient=True)
    )
    if unscored:
        console.print(f"not scored again, as their labels are missing (--labels): {len(unscored)}", highlight=False)
    if not problems:
        console.print(
            f"{args.folder}: {len(store.entry_paths())} entries, all in order", highlight=False, soft_wrap=True
        )
        return 0
    table = Table(title=f"{len(problems)} problems")
    table.add_column("file", overflow="fold")
    table.add_column("what is wrong", overflow="fold")
    for problem in problems:
        table.add_row(problem.where, problem.what)
    console.print(table, markup=False)
    return 1


def _rescore(store: Store, args: argparse.Namespace, console: Console) -> int:
    from rich.table import Table

    from vidzoo.leaderboard.check import rescore

    table = Table(title="mPJE_mean, N·m/kg")
    for column in ("benchmark", "entry", "stored", "now", "differs"):
        table.add_column(column, justify="right" if column in ("stored", "now") else "left", overflow="fold")
    different = 0
    for found in rescore(store, args.labels):
        before, now = found.stored.entry.scores.overall.mPJE_mean, found.now and found.now.overall.mPJE_mean
        different += bool(found.differences)
        table.add_row(
            found.stored.entry.submission.benchmark,
            found.stored.id,
            "-" if before is None else f"{before:.6f}",
            "no labels" if found.now is None else "-" if now is None else f"{now:.6f}",
            found.differences[0] if found.differences else "no",
        )
    console.print(table)
    return int(different > 0)


def _render(store: Store, args: argparse.Namespace, console: Console) -> int:
    from vidzoo.leaderboard.page import render

    store.write_generated(render)
    console.print(f"written: {args.folder}/TABLE.md, table.json, index.html", highlight=False, soft_wrap=True)
    return 0


def _diff(store: Store, args: argparse.Namespace, console: Console) -> int:
    from vidzoo.leaderboard.compare import compare

    lines = compare(store.folder, args.other)
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if not lines:
        console.print("no difference")
    return 0


def _convert(store: Store, args: argparse.Namespace, console: Console) -> int:
    from vidzoo.leaderboard.convert import convert
    from vidzoo.leaderboard.page import render

    renamed = convert(store, args.labels)
    store.write_generated(render)
    for old, new in renamed.items():
        console.print(f"{old} -> {new}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(renamed)} entries written as version 2")
    return 0


def _define(store: Store, args: argparse.Namespace, console: Console) -> int:
    from vidzoo.io.data_file import DataFile
    from vidzoo.io.splits import Split
    from vidzoo.leaderboard.benchmark import define
    from vidzoo.leaderboard.page import render

    with store.lock():
        found = define(
            store.folder / "benchmarks",
            args.name,
            DataFile(args.data),
            Split.load(args.split),
            args.source,
            args.licence,
            args.public_labels,
            args.rule,
        )
    store.write_generated(render)
    console.print(f"{found.id}: defined, labels {'in the store' if found.labels else 'not in the store'}")
    return 0
