"""The file ``results.json``: its format, reading and writing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vidzoo.errors import DataError
from vidzoo.evaluation.versions import UPGRADES
from vidzoo.io.atomic import atomic_path

FORMAT = "vid-results"
VERSION = 2
MAX_RESULTS_BYTES = 64 << 20
UNITS = {
    "mPJE_mean": "N·m/kg, mean over joints",
    "mPJE_sum": "N·m/kg, summed over joints",
    "lower_limb_mean": "N·m/kg, mPJE_mean of the six sagittal hip, knee and ankle torques",
    "RMSE": "N·m/kg",
    "percent_BWht": "% of body weight x height",
    "pearson_r": "1",
    "R2": "1",
}


def read_results(path: str | Path, formats: Mapping[str, int] = MappingProxyType({FORMAT: VERSION})) -> dict[str, Any]:
    """Read a ``results.json``, or a file of figures of another of the ``formats``, format -> version.

    One of version 1 is returned as version 2 (:mod:`vidzoo.evaluation.versions`).

    Raises:
        DataError: it is missing, enormous or no results file of these versions.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such results file; 'vidzoo test --out' writes one beside the predictions.")
    if path.stat().st_size > MAX_RESULTS_BYTES:
        raise DataError(f"{path}: larger than any results file ({MAX_RESULTS_BYTES >> 20} MiB).")
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        upgrade = UPGRADES.get((results["format"], results["version"]))
        results = results if upgrade is None else upgrade(results)
        found = results["format"], results["version"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = str(error) if isinstance(error, UnicodeError) else repr(error)[:200]
        raise DataError(f"{path}: is no results file ({why}); 'vidzoo test --out' writes one.") from None
    if found not in formats.items():
        expected = " or ".join(map(str, formats.items()))
        raise DataError(f"{path}: format {found}, expected {expected}; test the model again.")
    return results


def write_results(path: str | Path, results: dict[str, Any]) -> None:
    """Write results as JSON under a temporary name, then rename it.

    Raises:
        DataError: the folder does not exist, or ``path`` is a folder or cannot be written.
    """
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
