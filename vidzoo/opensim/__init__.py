"""OpenSim's files, and inverse dynamics through OpenSim itself (extra ``opensim``)."""

from vidzoo.opensim.inverse_dynamics import (
    FORCE_PLATES,
    ExternalLoad,
    InertialTerms,
    default_lowpass_hz,
    inertial_terms,
    inverse_dynamics,
    measured_grf,
    read_external_loads,
    unassigned_force,
    wrench_at_foot,
)
from vidzoo.opensim.storage import Storage, coordinates_in_si, generalized_forces, read_storage, write_storage
from vidzoo.opensim.trc import MarkerTrajectories, read_trc

__all__ = [
    "FORCE_PLATES",
    "ExternalLoad",
    "InertialTerms",
    "MarkerTrajectories",
    "Storage",
    "coordinates_in_si",
    "default_lowpass_hz",
    "generalized_forces",
    "inertial_terms",
    "inverse_dynamics",
    "measured_grf",
    "read_external_loads",
    "read_storage",
    "read_trc",
    "unassigned_force",
    "wrench_at_foot",
    "write_storage",
]
