"""Torques from motion capture or from landmarks: VID-Network's temporal heads without its images."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from vidzoo.anatomy import (
    BODY_LANDMARKS,
    COORDINATES,
    MARKERS,
    SAGITTAL_MIRROR_SIGN_FLIPS,
    mirror_index,
    pelvis_centre,
)
from vidzoo.errors import ConfigError
from vidzoo.models.codecs.torque_codec import Standardizer
from vidzoo.models.estimators.base import TorqueEstimator
from vidzoo.models.estimators.landmark_windows import LandmarkTokens, mirrored, windows_of
from vidzoo.models.estimators.shape_checks import build_temporal_head
from vidzoo.registry import MODELS
from vidzoo.structures import Inputs

_NO_PLACE = [i for i, name in enumerate(COORDINATES) if name not in ("pelvis_tx", "pelvis_tz")]
_SHAPES: dict[str, tuple[int, ...]] = {"markers": (len(MARKERS), 3), "coordinates": (len(COORDINATES),)}
_STATISTICS = {"markers": "input_markers_centred", "coordinates": "input_coordinates"}
_VELOCITIES = {"markers": "marker_velocities", "coordinates": "coordinate_velocities"}


class MotionOutput(NamedTuple):
    """Raw result for B clips of L frames."""

    torques: Tensor
    """[B, K, Q], standardised."""


def over_origin(markers: Tensor) -> Tensor:
    """Return markers [..., M, 3] in m, moved along the floor until the pelvis centre is above the ground's origin."""
    centre = pelvis_centre(markers)
    return markers - centre * centre.new_tensor([1.0, 0.0, 1.0])


@MODELS.register_module()
class MarkerTorqueNet(TorqueEstimator[MotionOutput]):
    """Estimate torques from the ``markers``, the ``coordinates`` or the world ``landmarks`` of clips.

    A frame's token is its standardised markers (or coordinates) and their velocities. Where in the room a person
    stands is taken out of every frame, for it says nothing of torques and would tell trials apart: markers are moved
    along the floor until the pelvis centre is above the origin, and of the coordinates pelvis_tx and pelvis_tz are
    left out. Heights above the floor, headings and velocities stay.

    Landmarks are hip-centred; each window of them is turned until the hips, averaged over it, face one way, and is
    divided by the body's height (:mod:`landmark_windows`). Of the subject a model then knows height and mass alone, of
    the camera its roll and pitch.

    Args:
        temporal_head: tokens [B, L, F] to standardised torques [B, K, Q], config or module; a config's type takes F as
            ``in_features``.
        torque_codec: N·m to standardised N·m/kg and back.
        torque_loss: loss(prediction, target, valid).
        kinematics: 'markers', 'coordinates' or 'landmarks'.
        velocities: put these beside them; landmarks have none.
        token_features: width to which a linear layer brings a frame before the temporal head; None: no such layer.
        stride: of landmarks, every which frame of the window the head sees: its window of T tokens is then
            (T - 1) * stride + 1 frames long.
        noise: of landmarks, see :class:`LandmarkTokens`.
        bias: the same.
        tilt: the same.
        average_mirrored: of landmarks, outside training: predict the mirror image too, and take the mean of the
            prediction and the mirror image of that one.
        data_preprocessor: see :class:`ClipPreprocessor`; MMEngine's default will do.

    Raises:
        ConfigError: an argument does not fit.
    """

    torque_mirror: Tensor
    torque_sign: Tensor

    def __init__(
        self,
        temporal_head: Any,
        torque_codec: Any,
        torque_loss: Any,
        kinematics: Literal["markers", "coordinates", "landmarks"] = "markers",
        velocities: bool = True,
        token_features: int | None = None,
        stride: int = 1,
        noise: float = 0.0,
        bias: float = 0.0,
        tilt: float = 0.0,
        average_mirrored: bool = False,
        data_preprocessor: Any = None,
    ) -> None:
        super().__init__(torque_codec, torque_loss, data_preprocessor)
        if kinematics not in (*_SHAPES, "landmarks"):
            raise ConfigError(
                f"MarkerTorqueNet: kinematics='{kinematics}' must be 'markers', 'coordinates' or 'landmarks'."
            )
        self.of_landmarks = kinematics == "landmarks"
        if self.of_landmarks and (velocities or stride < 1):
            raise ConfigError(
                f"MarkerTorqueNet: kinematics='landmarks' needs velocities=False, for landmarks have none, and a "
                f"stride of 1 frame or more, not velocities={velocities} and stride={stride}."
            )
        if not self.of_landmarks and (stride != 1 or noise or bias or tilt or average_mirrored):
            raise ConfigError(
                f"MarkerTorqueNet: stride, noise, bias, tilt and average_mirrored are for landmarks, not for "
                f"'{kinematics}'; leave them out."
            )
        if self.of_landmarks:
            self.requires = ("landmarks_world", "height")
            self.tokens = LandmarkTokens(noise, bias, tilt)
            width = 3 * len(BODY_LANDMARKS)
        else:
            shape = _SHAPES[kinematics]
            self.requires = (kinematics, *((_VELOCITIES[kinematics],) if velocities else ()))
            keys = (_STATISTICS[kinematics], *(f"input_{name}" for name in self.requires[1:]))
            self.standardizers = nn.ModuleList(Standardizer(shape, key) for key in keys)
            width = len(_NO_PLACE) if kinematics == "coordinates" else 3 * len(MARKERS)
            width += velocities * int(np.prod(shape))
        self.to_token = nn.Identity() if token_features is None else nn.Linear(width, token_features)
        width = token_features or width
        self.temporal_head, window, target = build_temporal_head(
            temporal_head, width, self.torque_codec, f"a frame of {' and '.join(self.requires)} has"
        )
        self.stride, self.window, self.target_index = stride, (window - 1) * stride + 1, target * stride
        self.average_mirrored = average_mirrored
        names = tuple(self.torque_codec.torques)
        index = mirror_index(names)
        if average_mirrored and -1 in index:
            raise ConfigError(
                f"MarkerTorqueNet: average_mirrored needs the torque of the other side of '{names[index.index(-1)]}'; "
                f"name both in torque_codec, or leave average_mirrored out."
            )
        sign = [-1.0 if name in SAGITTAL_MIRROR_SIGN_FLIPS else 1.0 for name in names]
        self.register_buffer("torque_mirror", torch.tensor(index), persistent=False)
        self.register_buffer("torque_sign", torch.tensor(sign), persistent=False)

    def tensor(self, inputs: Inputs) -> MotionOutput:
        """Return standardised torques for markers [B, L, M, 3] m or coordinates [B, L, C], and velocities.

        Or for world landmarks [B, L, 33, 3] m and heights [B] m.
        """
        if self.of_landmarks:
            landmarks = inputs["landmarks_world"]
            windows = windows_of(landmarks, inputs["height"], self.window, self.stride)
            torques = self._of_windows(windows)
            if self.average_mirrored and not self.training:
                other = self.torque_codec.restore(self._of_windows(mirrored(windows)))
                other = self.torque_codec.standardise(other[:, self.torque_mirror] * self.torque_sign)
                torques = (torques + other) / 2
            return MotionOutput(torques.unflatten(0, (len(landmarks), -1)))
        features = []
        for name, standardizer in zip(self.requires, self.standardizers):
            assert isinstance(standardizer, Standardizer)
            values = inputs[name]  # type: ignore[literal-required]
            z = standardizer.standardise(over_origin(values) if name == "markers" else values)
            features.append(z[..., _NO_PLACE] if name == "coordinates" else z.flatten(2))
        return MotionOutput(self.temporal_head(self.to_token(torch.cat(features, dim=-1))))

    def _of_windows(self, windows: Tensor) -> Tensor:
        """Return standardised torques [N, Q] for windows [N, T, 16, 3]."""
        return self.temporal_head(self.to_token(self.tokens(windows))).squeeze(1)
