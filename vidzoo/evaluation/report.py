"""Print results as three tables (overall, joint, action), each beside both baselines and the published figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tabulate import tabulate

from vidzoo.evaluation import published

PAPER = "paper, other data"
BASELINES = {"train_mean": "baseline: training mean", "action_mean": "baseline: action mean"}


def figure(value: float | None, digits: int = 4) -> str:
    """Format a figure, or '-' where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def interval(row: dict[str, Any], name: str = "mPJE_mean") -> str:
    """Format a row's interval, or '-' where there is none."""
    bounds = row["ci95"][name]
    return "-" if bounds is None else f"{bounds[0]:.4f}-{bounds[1]:.4f}"


def _table(rows: list[list[str]], headers: list[str]) -> str:
    align = ("left", *("right" for _ in headers[1:]))
    return tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True, colalign=align)


def seen_in_training(results: dict[str, Any]) -> str:
    """Say which images the split trains on: "rendered images of CamRender"."""
    kinds = " and ".join(results["data"].get("train_images") or ()) or "unknown"
    cameras = results["split"]["settings"].get("train_cameras", ())
    return f"{kinds} images{' of ' if cameras else ''}{', '.join(cameras)}"


def data_line(results: dict[str, Any]) -> str:
    """Say in one line on what and how the results were measured: protocol, leak, motion and image kind, numbers."""
    split, data, counts = results["split"], results["data"], results["counts"]
    images = f"{' and '.join(data['images'])} images" if data["images"] else "no images"
    cameras = f" of {', '.join(data['cameras'])}" if data["cameras"] else ""
    leaks = " (LEAKS: frames 10 ms apart are in different subsets; every figure is too good)" if split["leaks"] else ""
    if split["protocol"] == "cross_camera":
        leaks = " (the same motion is in both subsets, seen by different cameras)"
    if split["protocol"] == "transfer":
        leaks = f" (trained on {seen_in_training(results)} of other trials)"
    trained_on = (results["provenance"] or {}).get("trained_on") or {}
    splits, files = (trained_on.get(name) for name in ("split_hash", "data_hash"))
    if splits is not None and split["hash"] not in splits.split("+"):  # several, of a ConcatVIDDataset
        if files is None or data["data_hash"] in files.split("+"):
            leaks += " (TRAINED ON ANOTHER SPLIT: test frames may have been learnt)"
        else:
            names = " and ".join(Path(path).name for path in str(trained_on.get("data_file")).split("+"))
            leaks += f" (TRAINED ON ANOTHER DATA FILE, {names}, which must not hold the recordings that test)"
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
    ci, section = results["overall"]["ci95"], results["interval"]
    if ci["reason"]:
        return f"No 95 % interval: {ci['reason']}."
    return (
        f"95 % interval: over {ci['n']} {section['unit']}s (jackknife, Student's t with {ci['degrees_of_freedom']:.1f} "
        f"degrees of freedom). It is about {section['speaks_of']}. Rows of fewer than {section['fewest_units']} "
        f"{section['unit']}s have none."
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
    """Format the overall level: the model and both baselines on good and on all labels, and the paper's Table 2."""
    headers = ["overall", "mPJE_mean", "95 % interval", "mPJE_sum", "95 % interval", "lower limb", "RMSE", "%BW·ht",
               "r", "R2", "n"]  # fmt: skip
    rows = []
    for note, section in (("", results), (", all labels", results["all_labels"])):
        for name, row in (
            ("this model", section["overall"]),
            *((label, section["baselines"][name]) for name, label in BASELINES.items()),
        ):
            rows.append(
                [
                    name + note,
                    figure(row["mPJE_mean"]),
                    interval(row),
                    figure(row["mPJE_sum"]),
                    interval(row, "mPJE_sum"),
                    figure(row["lower_limb_mean"]),
                    figure(row["RMSE"]),
                    figure(row["percent_BWht"], 3),
                    figure(row["pearson_r"], 3),
                    figure(row["R2"], 3),
                    f"{row['frames']:,}",
                ]
            )
    for method, figures in published.overall().items():
        name, blank = f"{method} ({PAPER})", "-"
        rows.append(
            [name, figure(figures["mPJE_mean"]), blank, figure(figures["mPJE_sum"]), *[blank] * (len(headers) - 4)]
        )
    return _table(rows, headers)


def _level_rows(
    results: dict[str, Any], level: str, paper: dict[str, dict[str, float]], joint: bool
) -> list[list[str]]:
    rows = []
    for name, row in results[level].items():
        baselines = [results["baselines"][baseline][level][name]["mPJE_mean"] for baseline in BASELINES]
        rows.append(
            [
                name,
                figure(row["mPJE_mean"]),
                interval(row),
                *([] if joint else [figure(row["mPJE_sum"])]),
                *map(figure, baselines),
                figure(row["RMSE"]),
                figure(row["percent_BWht"], 3),
                figure(row["pearson_r"], 3),
                figure(row["R2"], 3),
                f"{row['labels' if joint else 'frames']:,}",
                *(figure(paper.get(name, {}).get(method)) for method in published.METHODS),
            ]
        )
    return rows


def _level_headers(level: str, first: str, *more: str) -> list[str]:
    return [level, first, "95 % interval", *more, "training mean", "action mean", "RMSE", "%BW·ht", "r", "R2", "n",
            *(f"{method}*" for method in published.METHODS)]  # fmt: skip


def joint_table(results: dict[str, Any]) -> str:
    """Format the joint level beside the paper's Table 3."""
    return _table(_level_rows(results, "joint", published.joints(), True), _level_headers("joint", "mPJE_joint"))


def action_table(results: dict[str, Any]) -> str:
    """Format the action level, actions then trial names, beside the paper's Table 4.

    A trial has the paper's figure of the same place in its action, where the test subset has as many trials of it.
    """
    of_actions: dict[str, list[str]] = {}
    for name, row in results["trial"].items():
        of_actions.setdefault(row["action"], []).append(name)
    by_trial: dict[str, dict[str, float]] = {}
    for action, names in of_actions.items():
        printed = published.trials_in_order(action)
        if len(printed) == len(names):
            by_trial.update(zip(names, printed))
    headers = _level_headers("action", "mPJE_action", "sum")
    rows = _level_rows(results, "action", published.families(), False)
    rows.append(["-"] + [""] * (len(headers) - 1))
    return _table(rows + _level_rows(results, "trial", by_trial, False), headers)


def format_report(results: dict[str, Any]) -> str:
    """Format all three tables with what a reader must know to read them."""
    untrained = results["split"]["actions_not_trained_on"]
    where = data_line(results)
    lines = [
        where,
        overall_table(results),
        _label_line(results),
        _interval_line(results),
        *_joint_lines(results),
        "mPJE, RMSE and baselines in N·m/kg; n = samples with a good label (joint table: good labels).",
    ]
    if untrained:
        lines.append(f"Not trained on, so that their action mean is the training mean: {', '.join(untrained)}.")
    lines += ["", where, joint_table(results), "", where, action_table(results), ""]
    lines += [f"* {PAPER}. {published.DATA_REMARK}", f"  {published.SUM_REMARK}"]
    return "\n".join(lines)


def format_line(results: dict[str, Any]) -> str:
    """Format the headline in one line, as for a validation."""
    row, baselines = results["overall"], results["baselines"]
    return (
        f"mPJE_mean {figure(row['mPJE_mean'])} N·m/kg (training-mean baseline "
        f"{figure(baselines['train_mean']['mPJE_mean'])}, action-mean baseline "
        f"{figure(baselines['action_mean']['mPJE_mean'])}), mPJE_sum {figure(row['mPJE_sum'])}, "
        f"R2 {figure(row['R2'], 3)}, {row['frames']:,} samples"
    )
