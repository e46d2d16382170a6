"""A person's landmarks in pictures: find, follow, put left and right in order.

One video, as pictures in the order of time::

    networks = PoseNetworks("full")
    track = landmarks_of_video((image for _, image in read_frames("walk.mp4")), networks)
    track.pixels, track.world  # [V, 33, 2] px, [V, 33, 3] m

A data file: :func:`vidzoo.pose.data_file.landmarks_of_cameras`, the command ``vidzoo landmarks``.
"""

from vidzoo.pose.detect import Choice
from vidzoo.pose.follow import follow, landmarks_of_video
from vidzoo.pose.networks import PoseNetworks

__all__ = ["Choice", "PoseNetworks", "follow", "landmarks_of_video"]
