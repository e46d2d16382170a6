"""Which releases tests run on: the made-up one everywhere, the shared data too where they lie beside this checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
"""The folder of real data that some workplaces have beside the project."""
RELEASES = ("made_up", "shared") if SHARED.is_dir() else ("made_up",)


@dataclass(frozen=True)
class Release:
    """A folder in the layout of OpenCap's LabValidation release, with subject4, subject5 and subject6 in it."""

    kind: str
    """'made_up' or 'shared'."""
    root: Path

    def mocap(self, subject: str) -> Path:
        """Return the folder of a subject's IK, ID and Model."""
        return self.root / subject / "OpenSimData/Mocap"
