"""Hooks of the runner."""

from vidzoo.engine.hooks.atomic_checkpoint_hook import AtomicCheckpointHook
from vidzoo.engine.hooks.epoch_seed_hook import EpochSeedHook
from vidzoo.engine.hooks.fit_statistics_hook import FitStatisticsHook
from vidzoo.engine.hooks.provenance_hook import ProvenanceHook
from vidzoo.engine.hooks.validate_on_resume_hook import ValidateOnResumeHook

__all__ = ["AtomicCheckpointHook", "EpochSeedHook", "FitStatisticsHook", "ProvenanceHook", "ValidateOnResumeHook"]
