"""Augmentations of a clip, each drawn once per clip from ``sample['rng']``.

A transform works on the dict that ``VIDDataset`` fills before it makes tensors of it (NumPy arrays; see
``structures.py`` for the letters); only what the clip needs is there:

``images`` uint8 [U, H, W, 3] RGB, the clip's different images, and ``image_index`` int [L], the one each frame shows ·
the modalities ``markers``, ``marker_velocities``, ``coordinates``, ``coordinate_velocities``, ``inertial_torques``,
``foot_jacobians``, ``physics_wrenches``, ``landmarks``, ``landmark_visibility``, ``landmarks_world``,
``landmark_valid`` · ``gt_torques``, ``valid`` [K, Q] and ``torque_names`` · ``gt_markers``, ``gt_marker_valid`` and
``marker_frame`` · of a single image (``Pose3DDataset``) ``joint_pixels`` [J, 2] in the picture, ``joints`` [J, 3] m in
the camera's frame and the picture's ``intrinsics`` [3, 3] · ``rng``, a NumPy generator seeded by (seed, epoch, clip).
"""

from vidzoo.datasets.transforms.image import ColourJitter, CropJitter, RandomOcclusion
from vidzoo.datasets.transforms.mirror import HorizontalFlip, mirror_sample

__all__ = ["ColourJitter", "CropJitter", "HorizontalFlip", "RandomOcclusion", "mirror_sample"]
