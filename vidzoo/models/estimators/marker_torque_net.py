"""Torques from motion capture: VID-Network's temporal heads on markers or coordinates instead of images."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from vidzoo.anatomy import COORDINATES, MARKERS, pelvis_centre
from vidzoo.errors import ConfigError
from vidzoo.models.codecs.torque_codec import Standardizer
from vidzoo.models.estimators.base import TorqueEstimator
from vidzoo.models.estimators.shape_checks import build_temporal_head
from vidzoo.registry import MODELS
from vidzoo.structures import Inputs

_NO_PLACE = [i for i, name in enumerate(COORDINATES) if name not in ("pelvis_tx", "pelvis_tz")]


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
    """Estimate torques from the ``markers`` or the ``coordinates`` of clips.

    A frame's token is its standardised markers (or coordinates) and their velocities. Where in the room a person
    stands is taken out of every frame, for it says nothing of torques and would tell trials apart: markers are moved
    along the floor until the pelvis centre is above the origin, and of the coordinates pelvis_tx and pelvis_tz are
    left out. Heights above the floor, headings and velocities stay.

    Args:
        temporal_head: tokens [B, L, F] to standardised torques [B, K, Q], config or module; a config's type takes F as
            ``in_features``.
        torque_codec: N·m to standardised N·m/kg and back.
        torque_loss: loss(prediction, target, valid).
        kinematics: 'markers' or 'coordinates'.
        velocities: put these beside them.
        token_features: width to which a linear layer brings a frame before the temporal head; None: no such layer.
        data_preprocessor: see :class:`ClipPreprocessor`; MMEngine's default will do.

    Raises:
        ConfigError: an argument does not fit.
    """

    def __init__(
        self,
        temporal_head: Any,
        torque_codec: Any,
        torque_loss: Any,
        kinematics: Literal["markers", "coordinates"] = "markers",
        velocities: bool = True,
        token_features: int | None = None,
        data_preprocessor: Any = None,
    ) -> None:
        super().__init__(torque_codec, torque_loss, data_preprocessor)
        if kinematics == "markers":
            shape: tuple[int, ...] = (len(MARKERS), 3)
            keys, width = ("markers", "marker_velocities"), 3 * len(MARKERS)
            standardizers = [Standardizer(shape, "input_markers_centred")]
        elif kinematics == "coordinates":
            shape = (len(COORDINATES),)
            keys, width = ("coordinates", "coordinate_velocities"), len(_NO_PLACE)
            standardizers = [Standardizer(shape, "input_coordinates")]
        else:
            raise ConfigError(f"MarkerTorqueNet: kinematics='{kinematics}' must be 'markers' or 'coordinates'.")
        self.requires = keys[: 1 + velocities]
        if velocities:
            standardizers.append(Standardizer(shape, f"input_{keys[1]}"))
            width += shape[0] * (3 if kinematics == "markers" else 1)
        self.standardizers = nn.ModuleList(standardizers)
        self.to_token = nn.Identity() if token_features is None else nn.Linear(width, token_features)
        width = token_features or width
        self.temporal_head, self.window, self.target_index = build_temporal_head(
            temporal_head, width, self.torque_codec, f"a frame of {' and '.join(self.requires)} has"
        )

    def tensor(self, inputs: Inputs) -> MotionOutput:
        """Return standardised torques for markers [B, L, M, 3] m or coordinates [B, L, C], and velocities."""
        features = []
        for name, standardizer in zip(self.requires, self.standardizers):
            assert isinstance(standardizer, Standardizer)
            values = inputs[name]  # type: ignore[literal-required]
            z = standardizer.standardise(over_origin(values) if name == "markers" else values)
            features.append(z[..., _NO_PLACE] if name == "coordinates" else z.flatten(2))
        return MotionOutput(self.temporal_head(self.to_token(torch.cat(features, dim=-1))))
