"""Options of a build of OpenCap recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Grid = Literal["mocap", "video"]
Dynamics = Literal["stored", "opensim"]
MassSource = Literal["metadata", "force_plate"]


@dataclass(frozen=True)
class BuildOptions:
    """What to build, and how."""

    subjects: tuple[str, ...] = ()
    """Folder names; empty: all."""
    trials: tuple[str, ...] = ()
    """Trial names; empty: all."""
    cameras: tuple[str, ...] = ()
    """Folder names such as Cam2, all of which a trial must have; empty: those it has; ('none',): no images."""
    grid: Grid = "mocap"
    """Frame times: the coordinates', each with the nearest picture, or those of the (first) camera's pictures."""
    inverse_dynamics: Dynamics = "stored"
    """Torques of the .sto files; or computed by OpenSim, then with inertial torques and foot Jacobians too."""
    image_size: int = 256
    """Side of the stored images, pixels."""
    crop: Literal["trial", "frame"] = "trial"
    """For calibrated cameras: one box for a whole trial, or one that follows the body."""
    box: tuple[float, float, float, float] | None = None
    """For cameras without a usable calibration: x, y, width, height in pixels; None: the full picture."""
    mass_source: MassSource = "metadata"
    """Where the subject's mass is taken from; both masses are stored."""
