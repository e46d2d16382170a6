"""Hooks of the runner."""

from vidzoo.engine.hooks.atomic_checkpoint_hook import AtomicCheckpointHook
from vidzoo.engine.hooks.epoch_seed_hook import EpochSeedHook
from vidzoo.engine.hooks.fit_statistics_hook import FitStatisticsHook
from vidzoo.engine.hooks.provenance_hook import ProvenanceHook

__all__ = ["AtomicCheckpointHook", "EpochSeedHook", "FitStatisticsHook", "ProvenanceHook"]
