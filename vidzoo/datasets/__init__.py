"""From files to samples: clips of a data file and a split; single images of a pose file."""

from vidzoo.datasets.concat import ConcatVIDDataset
from vidzoo.datasets.pose3d_dataset import Pose3DDataset
from vidzoo.datasets.vid_dataset import VIDDataset

__all__ = ["ConcatVIDDataset", "Pose3DDataset", "VIDDataset"]
