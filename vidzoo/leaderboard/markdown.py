"""The table as Markdown, ``TABLE.md``."""

from __future__ import annotations

import html
import re
from typing import Any

from tabulate import tabulate

from vidzoo.evaluation.report import figure
from vidzoo.leaderboard.table import CLAIMED_REMARK, reasons_for_none

_HEADERS = (
    "rank", "model", "mPJE_mean", "95 %", "above the best", "mPJE_sum", "lower limb", "RMSE", "R2", "sees", "badge",
)  # fmt: skip
_ALIGN = ("right", "left", *["right"] * 7, "left", "left")
_HEAD = (
    "Written by `vidzoo leaderboard render`; not to be edited. N·m/kg, good labels; lower is better but for R2. "
    f"*rescored*: this project scored the predictions. {CLAIMED_REMARK} *95 %*: interval of mPJE_mean. *above the "
    "best*: the difference to the best entry with its paired 95 % interval; ≈ where that holds zero: the two are "
    "not told apart. [The page](index.html) says more."
)


def plain(text: str) -> str:
    """Return a submitter's text for a Markdown table: nothing in it is markup, and it is not too long."""
    text = text if len(text) <= 60 else text[:59] + "…"
    return re.sub(r"[\\`*_{}\[\]()#+!|~$@:-]", r"\\\g<0>", html.escape(text, quote=False))


def _above(above: dict[str, Any] | None) -> str:
    """Format a difference to the best with its interval, marked with ≈ where the two are not told apart."""
    if above is None:
        return "-"
    mark = "" if above["told_apart"] else "≈ "
    return f"{mark}{above['value']:+.4f} ({above['low']:+.4f} to {above['high']:+.4f})"


def _cells(row: dict[str, Any], alone: bool) -> list[Any]:
    """Return the cells of an entry, a claimed row or a baseline."""
    overall, interval, model = row["overall"], row.get("interval"), plain(row["model"])
    return [
        row.get("rank") or "",
        f"[{model}]({row['card']})" if row.get("card") else (model if row.get("badge") else f"*{model}*"),
        figure(overall["mPJE_mean"]),
        f"{interval[0]:.4f}-{interval[1]:.4f}" if interval else "-",
        "best" if row.get("rank") == 1 and not alone else _above(row.get("above_best")),
        figure(overall["mPJE_sum"]),
        figure(overall["lower_limb_mean"]),
        figure(overall["RMSE"]),
        figure(overall["R2"], 2),
        " + ".join([row["modality"], *row["images"]]) if row.get("modality") else "",
        row.get("badge", ""),
    ]


def dump_markdown(table: dict[str, Any]) -> bytes:
    """Return ``TABLE.md``'s content: for each benchmark with rows one table, best first, baselines and claims below."""
    parts = ["# Leaderboard", _HEAD]
    for benchmark in table["benchmarks"]:
        rows = [row for row in benchmark["rows"] if not row.get("superseded_by")]
        if not rows:
            continue
        parts.append(f"## {benchmark['id']}")
        note = f"{benchmark['rule']} Motion: {benchmark['motion']}."
        parts.append(note + (" **Leaks**: comparable with no other protocol." if benchmark["leaks"] else ""))
        alone = sum(bool(row.get("rank")) for row in rows) < 2
        lines = [_cells(row, alone) for row in rows + benchmark["baselines"]]
        parts.append(tabulate(lines, _HEADERS, tablefmt="pipe", disable_numparse=True, colalign=_ALIGN))
        parts += [
            f"No interval for {', '.join(map(plain, models))}: {reason}."
            for reason, models in reasons_for_none(rows).items()
        ]
        parts += [
            f"{plain(row['model'])}: {row['source']}. {row['remark']}" for row in rows if row["badge"] == "claimed"
        ]
    if len(parts) == 2:
        parts.append("No entry yet.")
    return ("\n\n".join(parts) + "\n").encode()
