"""Slot: whole networks, from a batch of clips to torques (or, in stage 1, to poses)."""

from vidzoo.models.estimators.base import TorqueEstimator
from vidzoo.models.estimators.pose_network import PoseNetwork
from vidzoo.models.estimators.vid_network import VIDNetwork

__all__ = ["PoseNetwork", "TorqueEstimator", "VIDNetwork"]
