"""Slot: whole networks, from a batch of clips to torques (or, in stage 1, to poses)."""

from vidzoo.models.estimators.base import TorqueEstimator
from vidzoo.models.estimators.dino import DinoEndToEnd, DinoHybrid
from vidzoo.models.estimators.imdy import ImDy
from vidzoo.models.estimators.marker_torque_net import MarkerTorqueNet
from vidzoo.models.estimators.physics_guided import PhysicsGuidedHybrid
from vidzoo.models.estimators.pose_network import PoseNetwork
from vidzoo.models.estimators.vid_network import VIDNetwork

__all__ = [
    "DinoEndToEnd",
    "DinoHybrid",
    "ImDy",
    "MarkerTorqueNet",
    "PhysicsGuidedHybrid",
    "PoseNetwork",
    "TorqueEstimator",
    "VIDNetwork",
]
