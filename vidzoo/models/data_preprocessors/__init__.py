"""Slot: a collated batch to the same batch on the device, images normalised."""

from vidzoo.models.data_preprocessors.clip_preprocessor import ClipPreprocessor

__all__ = ["ClipPreprocessor"]
