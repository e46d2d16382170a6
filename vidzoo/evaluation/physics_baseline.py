"""Score the physics baseline: predict, score, and write both files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vidzoo.baselines.physics import physics_predictions
from vidzoo.evaluation.results import write_results
from vidzoo.evaluation.score import score
from vidzoo.io.atomic import check_folder, check_output
from vidzoo.io.data_file import DataFile
from vidzoo.io.predictions import write_predictions
from vidzoo.io.split_checks import check_split
from vidzoo.io.splits import Split


def write_physics_baseline(data_file: str | Path, split: str | Path, out: str | Path) -> dict[str, Any]:
    """Predict, score and write: ``out`` and ``results.json`` beside it; return what the latter holds.

    Args:
        data_file: path of the data file.
        split: path of the split manifest.
        out: path of the predictions (.npz), or the folder that gets ``predictions.npz``; folders are made.

    Raises:
        DataError: a file is missing or broken, does not belong to the other, or cannot be written; or an output is one
            of the two.
    """
    out = Path(out)
    if out.suffix != ".npz":
        out = out / "predictions.npz"
    for path in (out, out.with_name("results.json")):
        check_output(path, data_file, split)
    check_folder(out.parent)
    data, manifest = DataFile(data_file), Split.load(split)
    check_split(manifest, data)
    predictions = physics_predictions(data, manifest)
    results = score(predictions, data, manifest)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_predictions(out, predictions)
    write_results(out.with_name("results.json"), results)
    return results
