"""Read a subject's metadata, and estimate the mass from the force plates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from scipy.integrate import trapezoid

from vidzoo.anatomy import GRAVITY, action_family
from vidzoo.errors import DataError
from vidzoo.io.storage import read_storage

MAX_METADATA_BYTES = 1 << 20
MIN_WEIGHING_S = 3.0
"""Shortest recording whose mean vertical force is taken for the weight, s."""


@dataclass(frozen=True)
class Subject:
    """A person of the release: what the metadata and the force plates say."""

    name: str
    folder: Path
    mass_metadata_kg: float
    """NaN where the metadata state no plausible mass."""
    mass_force_plate_kg: float
    """NaN where no recording allows weighing."""
    height_m: float
    sex: str
    """'f', 'm', or '' where unknown."""

    def mass_kg(self, source: str) -> float:
        """Return the mass of one source, 'metadata' or 'force_plate'."""
        return self.mass_metadata_kg if source == "metadata" else self.mass_force_plate_kg


def force_plate_mass(folder: Path) -> float:
    """Estimate a subject's mass from the plates, kg; NaN where no recording allows it.

    In a recording in which nothing but the feet ever carries the body, the mean vertical force is the weight, because
    the momentum of the body hardly changes. Squats and static trials qualify if they last 3 s or more and the force
    never falls below half its median (a foot off the plates, a chair). The median over these recordings is returned.
    """
    masses = []
    for path in sorted(folder.glob("ForceData/*_forces.mot")):
        name = path.name.removesuffix("_forces.mot")
        if action_family(name) not in ("squats", "squatsAsym") and not name.lower().startswith("static"):
            continue
        try:
            forces = read_storage(path)
            vertical = forces.select([column for column in forces.columns if column.endswith("_vy")]).sum(axis=1)
        except DataError:
            continue  # the build of this trial will say what is wrong with the file
        median = np.median(vertical)
        duration = forces.time[-1] - forces.time[0]
        if duration >= MIN_WEIGHING_S and median > 0 and vertical.min() > median / 2:
            masses.append(trapezoid(vertical, forces.time) / duration / GRAVITY)
    return float(np.median(masses)) if masses else float("nan")


def read_subject(folder: Path, mass_source: str) -> Subject:
    """Read ``sessionMetadata.yaml`` and weigh the subject on the force plates.

    Raises:
        DataError: the file is missing or broken, or the mass (of the chosen source) or the height is not plausible.
    """
    path = folder / "sessionMetadata.yaml"
    metadata = _read_metadata(path)
    mass, height = _number(metadata, "mass_kg", 10, 400), _number(metadata, "height_m", 0.5, 2.6)
    mass_on_plates = force_plate_mass(folder)
    if mass_source == "metadata" and not np.isfinite(mass):
        raise DataError(
            f"{path}: mass_kg is {_text(metadata, 'mass_kg')}, expected 10 to 400; correct it or use --mass-source "
            f"force_plate."
        )
    if mass_source == "force_plate" and not np.isfinite(mass_on_plates):
        raise DataError(
            f"{folder / 'ForceData'}: no squat or static recording from which the mass can be estimated; use "
            f"--mass-source metadata."
        )
    if not np.isfinite(height):
        raise DataError(f"{path}: height_m is {_text(metadata, 'height_m')}, expected metres between 0.5 and 2.6.")
    sex = _text(metadata, "gender_mf").strip().lower()[:1] if metadata.get("gender_mf") else ""
    return Subject(folder.name, folder, mass, mass_on_plates, height, sex if sex in ("f", "m") else "")


def _read_metadata(path: Path) -> dict:
    """Return the metadata, each single value as text."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; it must state mass_kg and height_m.")
    try:
        with path.open("rb") as file:
            text = file.read(MAX_METADATA_BYTES + 1)
        if len(text) > MAX_METADATA_BYTES:
            raise ValueError("larger than 1 MiB")
        # BaseLoader keeps every value as text, so that a malformed date elsewhere in the file does no harm.
        metadata = yaml.load(text.decode(errors="replace"), yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        raise DataError(f"{path}: is no valid YAML ({' '.join(str(error).split())[:300]}); correct the file.") from None
    if not isinstance(metadata, dict):
        raise DataError(f"{path}: expected lines such as 'mass_kg: 62.6'.")
    return metadata


def _text(metadata: dict, key: str) -> str:
    """Return a value as text that fits into a message."""
    value = metadata.get(key, "")
    return (value[:40] or "missing") if isinstance(value, str) else "no single value"


def _number(metadata: dict, key: str, low: float, high: float) -> float:
    """Return a number between the bounds; NaN where the value is something else."""
    try:
        value = float(_text(metadata, key))
    except ValueError:
        return float("nan")
    return value if low < value < high else float("nan")
