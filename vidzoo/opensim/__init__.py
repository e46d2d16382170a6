"""OpenSim's files, and inverse dynamics through OpenSim itself (extra ``opensim``)."""

from vidzoo.opensim.storage import Storage, coordinates_in_si, generalized_forces, read_storage, write_storage
from vidzoo.opensim.trc import MarkerTrajectories, read_trc

__all__ = [
    "MarkerTrajectories",
    "Storage",
    "coordinates_in_si",
    "generalized_forces",
    "read_storage",
    "read_trc",
    "write_storage",
]
