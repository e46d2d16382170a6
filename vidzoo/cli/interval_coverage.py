"""Measure how often 95 % intervals hold the true figure.

Test sets whose true error is known are made up again and again, of 5, 9 and 16 trials; no data are needed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vidzoo.cli.arguments import whole_number

EXAMPLES = """\
  %(prog)s --runs 200                                   # a quick look
  %(prog)s --out docs/results/coverage/intervals.json   # the table in docs/benchmark.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--runs", type=whole_number(1), default=2000, help="test sets for each row (default: 2000)")
    parser.add_argument("--seed", type=whole_number(0), default=0, help="of what is made up (default: 0)")
    parser.add_argument("--out", type=Path, metavar="JSON", help="write the figures to this file")


def run(args: argparse.Namespace) -> None:
    """Measure, print and write."""
    from vidzoo.evaluation.coverage import coverage_table, measure
    from vidzoo.evaluation.results import write_results

    content = measure(args.runs, args.seed)
    if args.out is not None:
        write_results(args.out, content)
    print(coverage_table(content))
