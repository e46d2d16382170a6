"""Print results as three tables (overall, joint, action), each beside both floors and the published figures."""

from __future__ import annotations

from itertools import chain
from typing import Any

from tabulate import tabulate

from vidzoo.evaluation import published

PAPER = "paper, other data"


FLOORS = {"train_mean": "floor: training mean", "family_mean": "floor: family mean"}


def _figure(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _interval(row: dict[str, Any], name: str = "mPJE_mean") -> str:
    bounds = row["ci95"][name]
    return "-" if bounds is None else f"{bounds[0]:.4f}-{bounds[1]:.4f}"


def _table(rows: list[list[str]], headers: list[str]) -> str:
    align = ("left", *("right" for _ in headers[1:]))
    return tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True, colalign=align)


def data_line(results: dict[str, Any]) -> str:
    """Say in one line on what and how the results were measured: protocol, leak, motion and image kind, numbers."""
    split, data, counts = results["split"], results["data"], results["counts"]
    images = f"{' and '.join(data['images'])} images" if data["images"] else "no images"
    cameras = f" of {', '.join(data['cameras'])}" if data["cameras"] else ""
    leaks = " (LEAKS: neighbours 10 ms apart are on both subsets; every figure flatters)" if split["leaks"] else ""
    if split["protocol"] == "cross_camera":
        leaks = " (the same motion is on both subsets, seen by other cameras)"
    trained_on = ((results["provenance"] or {}).get("trained_on") or {}).get("split_hash")
    if trained_on not in (None, split["hash"]):
        leaks += " (TRAINED ON ANOTHER SPLIT: test frames may have been learnt)"
    return (
        f"protocol {split['protocol']}{leaks} · {' and '.join(data['motion'])} motion, {images}{cameras} · "
        f"{counts['samples']:,} samples of {counts['frames']:,} frames, {counts['trials']} trials, "
        f"{counts['subjects']} subjects · split {split['hash'][:12]}"
    )


def _label_line(results: dict[str, Any]) -> str:
    everything = results["all_labels"]
    why = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in everything["left_out_by_reason"].items())
    missing = f"; {everything['not_a_number']:,} more are no numbers" if everything["not_a_number"] else ""
    return (
        f"{results['counts']['labels']:,} good labels scored, {everything['left_out']:,} left out"
        f"{f' ({why})' if why else ''}{missing}."
    )


def _interval_line(results: dict[str, Any]) -> str:
    ci = results["overall"]["ci95"]
    if "reason" in ci:
        return f"No 95 % interval: {ci['reason']}."
    return (
        f"95 % interval: percentile bootstrap over {ci['n']} {ci['drawn']}s, {results['bootstrap']['resamples']} "
        f"resamples; rows of fewer than two {ci['drawn']}s have none."
    )


def _joint_lines(results: dict[str, Any]) -> list[str]:
    missing = results["overall"]["joints_without_labels"]
    if not missing:
        return []
    return [
        f"NOT COMPARABLE with results on all joints: no good label of {', '.join(missing)}; sums and means are over "
        f"{results['overall']['joints']} joints."
    ]


def overall_table(results: dict[str, Any]) -> str:
    """Format the overall level: the model and both floors on good and on all labels, and the paper's Table 2."""
    headers = ["overall", "mPJE_mean", "95 % interval", "mPJE_sum", "95 % interval", "lower limb", "RMSE", "%BW·ht",
               "r", "R2", "n"]  # fmt: skip
    rows = []
    for note, section in (("", results), (", all labels", results["all_labels"])):
        for name, row in (
            ("this model", section["overall"]),
            *((label, section["floors"][floor]) for floor, label in FLOORS.items()),
        ):
            rows.append(
                [
                    name + note,
                    _figure(row["mPJE_mean"]),
                    _interval(row),
                    _figure(row["mPJE_sum"]),
                    _interval(row, "mPJE_sum"),
                    _figure(row["lower_limb_mean"]),
                    _figure(row["RMSE"]),
                    _figure(row["percent_BWht"], 3),
                    _figure(row["pearson_r"], 3),
                    _figure(row["R2"], 3),
                    f"{row['frames']:,}",
                ]
            )
    for method, figures in published.overall().items():
        name, blank = f"{method} ({PAPER})", "-"
        rows.append(
            [name, _figure(figures["mPJE_mean"]), blank, _figure(figures["mPJE_sum"]), *[blank] * (len(headers) - 4)]
        )
    return _table(rows, headers)


def _level_rows(
    results: dict[str, Any], level: str, paper: dict[str, dict[str, float]], joint: bool
) -> list[list[str]]:
    rows = []
    for name, row in results[level].items():
        floors = [results["floors"][floor][level][name]["mPJE_mean"] for floor in ("train_mean", "family_mean")]
        rows.append(
            [
                name,
                _figure(row["mPJE_mean"]),
                _interval(row),
                *([] if joint else [_figure(row["mPJE_sum"])]),
                *(_figure(floor) for floor in floors),
                _figure(row["RMSE"]),
                _figure(row["percent_BWht"], 3),
                _figure(row["pearson_r"], 3),
                _figure(row["R2"], 3),
                f"{row['labels' if joint else 'frames']:,}",
                *(_figure(paper.get(name, {}).get(method)) for method in published.METHODS),
            ]
        )
    return rows


def _level_headers(level: str, first: str, *more: str) -> list[str]:
    return [level, first, "95 % interval", *more, "floor: mean", "floor: family", "RMSE", "%BW·ht", "r", "R2", "n",
            *(f"{method}*" for method in published.METHODS)]  # fmt: skip


def joint_table(results: dict[str, Any]) -> str:
    """Format the joint level beside the paper's Table 3."""
    return _table(_level_rows(results, "joint", published.joints(), True), _level_headers("joint", "mPJE_joint"))


def action_table(results: dict[str, Any]) -> str:
    """Format the action level, families then trial names, beside the paper's Table 4.

    A trial has the paper's figure of the same place in its family, where the test subset has as many trials of it.
    """
    of_families: dict[str, list[str]] = {}
    for name, row in results["trial"].items():
        of_families.setdefault(row["family"], []).append(name)
    by_trial: dict[str, dict[str, float]] = {}
    for family, names in of_families.items():
        printed = published.trials_in_order(family)
        if len(printed) == len(names):
            by_trial.update(zip(names, printed))
    headers = _level_headers("action", "mPJE_action", "sum")
    rows = _level_rows(results, "family", published.families(), False)
    rows.append(["-"] + [""] * (len(headers) - 1))
    return _table(rows + _level_rows(results, "trial", by_trial, False), headers)


def format_report(results: dict[str, Any]) -> str:
    """Format all three tables with what a reader must know to read them."""
    untrained = results["split"]["families_not_trained_on"]
    where = data_line(results)
    lines = [
        where,
        overall_table(results),
        _label_line(results),
        _interval_line(results),
        *_joint_lines(results),
        "mPJE, RMSE and floors in N·m/kg; n = samples with a good label (joint table: good labels).",
    ]
    if untrained:
        lines.append(f"Not trained on, so that their family floor is the training mean: {', '.join(untrained)}.")
    lines += ["", where, joint_table(results), "", where, action_table(results), ""]
    lines += [f"* {PAPER}. {published.DATA_REMARK}", f"  {published.SUM_REMARK}"]
    return "\n".join(lines)


def comparison_table(results: dict[str, dict[str, Any]]) -> str:
    """Format the headlines of several results as a Markdown table: one row each, below its test subset's floors.

    Parameters are all that the model was trained with; seconds are those of 1,000 predictions on the result's machine.

    Args:
        results: name of a run -> what ``results.json`` holds.
    """
    headers = ["run", "protocol", "motion", "images", "samples", "mPJE_mean", "95 % interval", "all labels: mPJE_mean",
               "mPJE_sum", "lower limb", "RMSE", "R2", "parameters", "s per 1,000"]  # fmt: skip
    rows: dict[tuple[str, str], list[list[str]]] = {}
    for name, result in results.items():
        split, data = result["split"], result["data"]
        ground, count = (split["hash"], data["vid_hash"]), f"{result['counts']['samples']:,}"
        about = [split["protocol"] + (" (leaks)" if split["leaks"] else ""), " and ".join(data["motion"])]
        if ground not in rows:
            rows[ground] = [
                [f"*{label}*", *about, "", count, *_headline(result, "floors", floor), "", ""]
                for floor, label in FLOORS.items()
            ]
        provenance = result["provenance"] or {}
        seen = " and ".join(data["images"]) or "none"
        parameters, seconds = (provenance.get(key) for key in ("parameters", "seconds_per_1000_predictions"))
        size = "-" if parameters is None else f"{parameters:,}"
        rows[ground].append([name, *about, seen, count, *_headline(result, "overall"), size, _figure(seconds, 3)])
    align = ("left",) * 4 + ("right",) * 10
    return tabulate(list(chain(*rows.values())), headers, tablefmt="pipe", disable_numparse=True, colalign=align)


def _headline(result: dict[str, Any], *keys: str) -> list[str]:
    """Return the figures of ``overall``, or of a floor; floors have no interval of their own."""
    row, all_labels = result, result["all_labels"]
    for key in keys:
        row, all_labels = row[key], all_labels[key]
    interval = _interval(row) if keys == ("overall",) else "-"
    cells = [_figure(row["mPJE_mean"], 3), interval, _figure(all_labels["mPJE_mean"], 3), _figure(row["mPJE_sum"], 3)]
    return cells + [_figure(row[name], digits) for name, digits in (("lower_limb_mean", 3), ("RMSE", 3), ("R2", 2))]


def format_line(results: dict[str, Any]) -> str:
    """Format the headline in one line, as for a validation."""
    row, floors = results["overall"], results["floors"]
    return (
        f"mPJE_mean {_figure(row['mPJE_mean'])} N·m/kg (training-mean floor "
        f"{_figure(floors['train_mean']['mPJE_mean'])}, family-mean floor "
        f"{_figure(floors['family_mean']['mPJE_mean'])}), mPJE_sum {_figure(row['mPJE_sum'])}, "
        f"R2 {_figure(row['R2'], 3)}, {row['frames']:,} samples"
    )
