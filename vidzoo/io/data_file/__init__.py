"""The data file: one HDF5 file of trials that every builder writes and every data set and scorer reads.

Layout (``format='vid'``, ``version=2``)::

    /                       attributes: format, version, builder, settings (JSON), content_hash,
                            markers, coordinates, generalized_forces, units (JSON)
    /subject4/DJ1/          attributes of the trial (see :class:`Trial`) and content_hash
        time                [F]        s
        markers             [F, M, 3]  m, ground frame (x forward, y up, z right); NaN where missing
        marker_velocities   [F, M, 3]  m/s
        coordinates         [F, C]     rad, m for the three pelvis translations
        coordinate_velocities [F, C]
        torques             [F, C]     N·m, N for the three pelvis translations
        validity            [F, C]     uint8 reason code, 0 = good (see :class:`Reason`)
        inertial_torques    [F, C]     optional
        foot_jacobians      [F, 2, 6, C] optional; right, left; rotation rows first, then translation
        physics_wrenches    [F, 2, 6]  optional; right, left; the ground on the feet as mechanics shares the load, from
                                       the motion alone: moment N·m about the calcaneus origin, then force N
        grf                 [F, 2, 9]  optional; right, left; force N, centre of pressure m, free moment N·m
        cameras/Cam2/       attributes: kind, camera_index, intrinsics, rotation, translation, source_size
            jpeg_blob       [bytes]    uint8, the JPEG images one after the other
            jpeg_offsets    [V+1]      int64
            video_time      [V]        s, on the mocap clock
            video_index     [F]        int32, the image that each grid frame shows
            crop            [V, 4]     x, y, width, height in pixels of the source video
            landmarks/      optional; attributes: network, weights_hash, image_size, settings (JSON), content_hash
                pixels      [V, 33, 2] float16, px of the stored image; NaN where the person was not found
                visibility  [V, 33]    float16
                world       [V, 33, 3] float16, m, hip-centred; x right, y down, z away from the camera
                status      [V]        uint8 reason code, 0 = found (see :class:`LandmarkStatus`)
                exchanged   [V, 4]     uint8, 1 where left and right of shoulders, arms, hips, legs were put right

A camera may keep landmarks and no images: then ``jpeg_blob`` and ``jpeg_offsets`` are missing.

V images serve F grid frames: a 60 fps video on a 100 Hz grid is stored, decoded and encoded once per image.

Texts are UTF-8 of a fixed length. ``content_hash`` is the SHA-256 of all that a reader can see, see
:mod:`vidzoo.io.data_file.content_hash`; it is compared when a file is opened, before anything is read. A file of
a benchmark's labels alone also has the attribute ``labels_of``: the ``content_hash`` of the data file that they were
taken from.

Landmarks are seen in images that are there already, so that adding them changes nothing that a split names:
``content_hash`` leaves them out. Each camera's landmarks have a ``content_hash`` of themselves and of their trial's
hash, and the root has ``landmarks_hash``, the SHA-256 of all of these; both are compared with the others.
"""

from vidzoo.io.data_file.landmarks import add_landmarks
from vidzoo.io.data_file.layout import CameraTrack, LandmarkStatus, LandmarkTrack, Reason, Trial
from vidzoo.io.data_file.reader import DataFile
from vidzoo.io.data_file.trial_reader import TrialReader
from vidzoo.io.data_file.writer import DataFileWriter

__all__ = [
    "CameraTrack",
    "DataFile",
    "DataFileWriter",
    "LandmarkStatus",
    "LandmarkTrack",
    "Reason",
    "Trial",
    "TrialReader",
    "add_landmarks",
]
