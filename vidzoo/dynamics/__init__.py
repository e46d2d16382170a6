"""Inverse dynamics, inertial torques and the feet's Jacobians, through OpenSim itself (extra ``opensim``)."""
