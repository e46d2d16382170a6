"""From a vid file and a split to clips."""

from vidzoo.datasets.vid_dataset import VIDDataset

__all__ = ["VIDDataset"]
