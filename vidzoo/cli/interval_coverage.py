"""Measure how often 95 % intervals hold the true figure.

Test sets whose true error is known are made up again and again, of 5, 9 and 16 trials; no data are needed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """\
  %(prog)s --runs 200                                   # a quick look
  %(prog)s --out docs/results/coverage/intervals.json   # the table in docs/benchmark.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--runs", type=int, default=2000, help="test sets for each row (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="of what is made up (default: 0)")
    parser.add_argument("--out", type=Path, metavar="JSON", help="write the figures to this file")


def run(args: argparse.Namespace) -> None:
    """Measure, print and write."""
    from vidzoo.errors import ConfigError
    from vidzoo.evaluation.coverage import coverage_table, measure
    from vidzoo.evaluation.results import write_results

    if args.runs < 1:
        raise ConfigError(f"--runs {args.runs}: expected 1 or more.")
    if args.seed < 0:
        raise ConfigError(f"--seed {args.seed}: expected 0 or more.")
    content = measure(args.runs, args.seed)
    if args.out is not None:
        write_results(args.out, content)
    print(coverage_table(content))
