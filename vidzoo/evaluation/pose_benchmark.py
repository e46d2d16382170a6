"""MPJPE and PA-MPJPE as an MMEngine plug-in: a thin shell over :mod:`vidzoo.evaluation.pose_functional`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from tabulate import tabulate

from vidzoo.anatomy import POSE_JOINTS
from vidzoo.errors import DataError
from vidzoo.evaluation.pose_functional import constant_pose, pose_figures
from vidzoo.evaluation.torque_benchmark import provenance
from vidzoo.io.atomic import atomic_path
from vidzoo.registry import METRICS


@METRICS.register_module()
class PoseBenchmark(BaseMetric):
    """Score ``pred_joints`` against ``gt_joints`` in the camera's axes, relative to the pelvis.

    Logs ``MPJPE`` and ``PA_MPJPE`` in m, and ``floor_MPJPE``: that of the test labels' own mean pose, which has looked
    at no image.

    Args:
        out_dir: folder that gets ``pose_results.json``, made where it is missing; None: no file.
        collect_device: how processes hand in their results, see MMEngine's BaseMetric.
        prefix: put before every logged name.

    Raises:
        DataError: on evaluation, no joint has both a label and a prediction.
    """

    default_prefix = ""
    higher_is_better = False
    unit = "m"

    def __init__(
        self, out_dir: str | Path | None = None, collect_device: str = "gpu", prefix: str | None = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.out_dir = None if out_dir is None else Path(out_dir)
        self._device = torch.device("cpu")

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep each image's joints."""
        for sample in data_samples:
            self._device = sample["pred_joints"].device
            parts = (sample[name].detach().cpu().numpy() for name in ("pred_joints", "gt_joints", "gt_joint_valid"))
            self.results.append(tuple(parts))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Score all processes' images at once, write the file and print; called on the main process alone."""
        predicted, true, valid = (np.concatenate([result[i] for result in results]) for i in range(3))
        valid = valid & np.isfinite(predicted).all(axis=-1)
        if not valid.any():
            raise DataError(
                "no image has joints with depth and a calibrated camera to compare with; MPJPE needs a test file of a "
                "set with 3D poses."
            )
        figures = pose_figures(predicted.astype(float), true.astype(float), valid)
        constant = np.broadcast_to(constant_pose(true.astype(float), valid), true.shape)
        overall = {
            "MPJPE": float(figures["MPJPE_mean"]),
            "PA_MPJPE": float(figures["PA_MPJPE_mean"]),
            "floor_MPJPE": float(pose_figures(constant, true, valid)["MPJPE_mean"]),
        }
        overall = {name: value for name, value in overall.items() if np.isfinite(value)}
        joints = {
            name: {key: float(figures[key][j]) for key in ("MPJPE", "PA_MPJPE")} | {"labels": int(valid[:, j].sum())}
            for j, name in enumerate(POSE_JOINTS)
            if valid[:, j].any()
        }
        rows = [[name, *row.values()] for name, row in joints.items()]
        table = tabulate(rows, ["joint", "MPJPE m", "PA-MPJPE m", "labels"], floatfmt=".4f", intfmt=",")
        print_log(f"\n{table}\n{len(predicted):,} images", logger="current")
        if self.out_dir is not None:
            self.out_dir.mkdir(parents=True, exist_ok=True)
            content = {
                "unit": self.unit,
                "overall": overall,
                "images": len(predicted),
                "joints": {n: {k: v for k, v in row.items() if np.isfinite(v)} for n, row in joints.items()},
                "provenance": provenance(self._device),
            }
            with atomic_path(self.out_dir / "pose_results.json") as temporary:
                temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
        return overall
