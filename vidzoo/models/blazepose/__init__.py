"""BlazePose, a pre-trained pose network of Google (Apache-2.0), in plain PyTorch, with its weights.

The detector finds people in a picture, the landmark network 33 landmarks of a person in a crop. The weights are those
of the published graph files, without change; ``vidzoo convert-blazepose`` makes them.
"""

from vidzoo.models.blazepose.detector import PoseDetector, anchors
from vidzoo.models.blazepose.landmark_network import LandmarkNetwork, LandmarkOutput
from vidzoo.models.blazepose.pretrained import load_detector, load_landmark_network

__all__ = [
    "LandmarkNetwork",
    "LandmarkOutput",
    "PoseDetector",
    "anchors",
    "load_detector",
    "load_landmark_network",
]
