"""Torques by physics, corrected by a network where it has seen such motions: the hybrid with physics as first guess."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from vidzoo.anatomy import (
    COORDINATES,
    DEPENDENT_COORDINATES,
    PELVIS_COORDINATES,
    SAGITTAL_MIRROR_SIGN_FLIPS,
    mirror_index,
)
from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.models.estimators.base import TorqueEstimator, build_part
from vidzoo.models.estimators.dino import (
    MAX_DEVIATION,
    MAX_LOG_SPREAD,
    HybridOutput,
    KinematicTrunk,
    add_wrenches,
    check_driven,
    pelvis_residual,
    residual_losses,
    support_jacobians,
    turn_wrenches,
    wrench_unit,
)
from vidzoo.models.rigid_body import PELVIS, face_forward, share_load, wrench_torques
from vidzoo.registry import MODELS
from vidzoo.structures import Inputs, TorqueSample
from vidzoo.task import NUM_EXAMPLE_MOTIONS

MAX_CORRECTION = 2.0
"""Of the load's size: the longest correction of what feet and third support bear together. An acceleration that is
wrong makes a load that is wrong as a whole; so the correction may be as long as the load, and a little longer."""
MIN_LOAD = 0.05
"""Of body weight: no load is taken for smaller where something is divided by it (in flight there is none)."""
ANGLE_SCALE, RATE_SCALE, SPEED_SCALE = 0.2, 1.5, 0.4
"""rad, rad/s, m/s: two motions are unlike each other where they differ by as much. Round figures: from another person's
walk, the nearest walking frame is 0.4 away, from a drop jump the nearest of drop jumps 0.8, from a walk 1.3 or more."""
STEEPNESS = 8
"""Of the trust's fall. It and the scales were chosen by leaving out one of the people that a fold trains on."""
NUM_FEATURES = 25
"""What the network is told of the first guess, see :meth:`FirstGuess.features`."""

_ARMS = ("arm", "elbow", "pro_sup")
_LEGS_AND_TRUNK = [
    i
    for i, name in enumerate(COORDINATES)
    if name not in (*PELVIS_COORDINATES, *DEPENDENT_COORDINATES) and not name.startswith(_ARMS)
]
_TILT = [COORDINATES.index(name) for name in ("pelvis_tilt", "pelvis_list")]
_MIRROR_INDEX = mirror_index(COORDINATES)
_MIRROR_SIGN = tuple(-1.0 if name in SAGITTAL_MIRROR_SIGN_FLIPS else 1.0 for name in COORDINATES)
_MIRROR_WRENCH = (-1.0, -1.0, 1.0, 1.0, 1.0, -1.0)
"""The mirror diag(1, 1, -1) turns a moment, an axial vector, the other way about x and y."""


class GuidedOutput(NamedTuple):
    """Raw result of PhysicsGuidedHybrid for B clips: that of the hybrid, and the trust in the network."""

    torques: Tensor
    """[B, K, Q], standardised."""
    wrenches: Tensor
    """[B, K, 2, 6]: of the ground on the right and left foot, N·m about the calcaneus origin and N, ground axes."""
    residual: Tensor
    """[B, K, 2]: magnitude of the pelvis force in N and of the pelvis moment in N·m that no foot accounts for."""
    residual_share: Tensor
    """[B, K, 2]: the same in body weights and body weights times foot length."""
    trust: Tensor
    """[B, K], 0 to 1: the share of the correction that counts."""


class FirstGuess(NamedTuple):
    """What physics says, in the axes of the person's heading, in body weights and body weights times foot length."""

    feet: Tensor
    """[B, L, 2, 6]: wrenches on the right and left foot."""
    rest: Tensor
    """[B, L, 6]: the wrench about the pelvis' origin that the feet leave over: a seat, or what fits nothing."""
    load: Tensor
    """[B, L, 6]: the pelvis rows of what the motion asks for."""
    supports: Tensor
    """[B, L, 3, 6, 6]: Jacobians of right foot, left foot and pelvis, of :func:`support_jacobians`."""

    @property
    def size(self) -> Tensor:
        """The load's length, [B, L, 1], at least ``MIN_LOAD``."""
        return self.load.norm(dim=-1, keepdim=True).clamp(min=MIN_LOAD)

    def features(self) -> Tensor:
        """Return the direction of feet, rest and load, and the logarithm of the load's size: [B, L, 25]."""
        size = self.size
        return torch.cat([self.feet.flatten(-2) / size, self.rest / size, self.load / size, size.log()], dim=-1)


class MotionExamples(nn.Module):
    """Tell how far a motion is from every frame of the training subset.

    The distance is the root mean square, over tilt, list and velocities of the pelvis and over angles and rates of legs
    and trunk, of the difference in units of ``ANGLE_SCALE``, ``RATE_SCALE`` and ``SPEED_SCALE``, to the nearest of 1024
    frames and their mirror images. Arms are left out: they reach the feet through the load alone.
    """

    key = "example_motions"
    coordinates: Tensor
    velocities: Tensor
    is_set: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("coordinates", torch.zeros(NUM_EXAMPLE_MOTIONS, len(COORDINATES)))
        self.register_buffer("velocities", torch.zeros(NUM_EXAMPLE_MOTIONS, len(COORDINATES)))
        self.register_buffer("is_set", torch.zeros((), dtype=torch.uint8))

    @property
    def shape(self) -> torch.Size:
        """Of both arrays of examples."""
        return self.coordinates.shape

    def set_statistics(self, coordinates: ArrayLike, velocities: ArrayLike, /) -> None:
        """Take over frames of the training subset, [1024, C] rad and m, and their rates.

        Raises:
            ConfigError: they have another shape or are not finite.
        """
        for name, value in (("coordinates", coordinates), ("velocities", velocities)):
            new = torch.as_tensor(value, dtype=torch.float32)
            if new.shape != self.shape or not new.isfinite().all():
                raise ConfigError(
                    f"statistics '{self.key}': {name} of shape {tuple(new.shape)}, expected finite numbers of shape "
                    f"{tuple(self.shape)}."
                )
            getattr(self, name).copy_(new)
        self.is_set.fill_(1)

    def forward(self, coordinates: Tensor, velocities: Tensor) -> Tensor:
        """Return the distances [...] of motions [..., C] that face forward (:func:`face_forward`).

        Raises:
            CheckpointError: no examples were set.
        """
        if not self.is_set:
            raise CheckpointError(
                f"the model has no statistics of '{self.key}'; load a trained checkpoint, or call "
                f"model.set_statistics(train_dataset.target_statistics()) before training."
            )
        forward = face_forward(self.coordinates, self.velocities)[:2]
        known = torch.cat([_posture(*forward), _posture(*(mirrored(x) for x in forward))])
        seen = _posture(coordinates, velocities)
        nearest = torch.cdist(seen.flatten(0, -2), known).amin(dim=1)
        return nearest.unflatten(0, seen.shape[:-1]) / known.shape[1] ** 0.5


def _posture(coordinates: Tensor, velocities: Tensor) -> Tensor:
    """Return what tells motions [..., C] that face forward apart, each number in units of an unlikeness."""
    return torch.cat(
        [
            coordinates[..., [*_TILT, *_LEGS_AND_TRUNK]] / ANGLE_SCALE,
            velocities[..., [0, 1, 2, *_LEGS_AND_TRUNK]] / RATE_SCALE,
            velocities[..., 3:6] / SPEED_SCALE,
        ],
        dim=-1,
    )


def mirrored(values: Tensor) -> Tensor:
    """Return the mirror image of coordinates or velocities [..., C] that face forward."""
    return values[..., _MIRROR_INDEX] * values.new_tensor(_MIRROR_SIGN)


def mirrored_wrench(wrenches: Tensor) -> Tensor:
    """Return the mirror image of wrenches [..., 6]; those of two feet change places elsewhere."""
    return wrenches * wrenches.new_tensor(_MIRROR_WRENCH)


def trust_of(distance: Tensor) -> Tensor:
    """Return 2 to the power of minus ``distance`` to the power of 8: 1 up to 0.7, one half at 1, 0 from 1.5 on."""
    return torch.exp2(-distance.pow(STEEPNESS))


@MODELS.register_module()
class PhysicsGuidedHybrid(TorqueEstimator[GuidedOutput]):
    """The hybrid with physics as its first guess: the network says the correction alone.

    ``physics_wrenches`` say how the feet share the load by mechanics (``vidzoo.dynamics.load_sharing``). With feet f,
    a third support p at the pelvis, which bears what the feet leave over, and all in the units of :class:`DinoHybrid`,

        W_f = physics_f + trust * limit(d)_f
        d   = what makes sum over f of |d_f - c_f|^2 + |d_p / spread|^2 least, of all with
              J_R^T d_R + J_L^T d_L + J_p^T d_p = 0
        c_f = size * shift_f - tanh(doubt_f) * physics_f

    so that a correction only passes the load from one support to another. The network says ``shift`` (wrenches, as
    shares of the load's ``size``), ``doubt`` (the share of a foot's wrench that it does not believe: where a joint's
    angle jumps, the load is too large as a whole) and ``spread`` (how freely the third support takes part).
    ``limit`` shortens d to at most ``MAX_CORRECTION * size``. ``trust`` is 1 where the motion equals one of the
    training subset and falls to 0 where it is unlike all of them (:class:`MotionExamples`, :func:`trust_of`): there
    the result is that of physics.

    The network begins at d = 0. It sees each clip and its mirror image and says the mean of both, so that the mirrored
    motion gives the mirrored result. Besides the inputs of :class:`DinoHybrid` it is told the first guess, as
    directions and the size of the load. ``physics_wrenches`` are made from the whole motion of a recording, so that
    this is no method for real time, even where ``causal``.

    Args:
        torque_codec, torque_loss, window, trunk, dropout, causal, data_preprocessor: see :class:`DinoEndToEnd`.
        residual_loss: see :class:`DinoHybrid`; here there is always a third support.

    Raises:
        ConfigError: a torque of the codec is one that no muscle gives.

    Source: our own, after the hybrid of Dinovitzer et al. 2023.
    """

    requires = (
        "coordinates",
        "coordinate_velocities",
        "mass",
        "height",
        "inertial_torques",
        "foot_jacobians",
        "physics_wrenches",
    )
    target_index: int

    def __init__(
        self,
        torque_codec: Any,
        torque_loss: Any,
        residual_loss: Any,
        window: int = 13,
        trunk: Literal["mlp", "lstm"] = "mlp",
        dropout: float = 0.1,
        causal: bool = True,
        data_preprocessor: Any = None,
    ) -> None:
        super().__init__(torque_codec, torque_loss, data_preprocessor)
        check_driven(self.torque_codec.torques, type(self).__name__)
        self.window = window
        self.target_index = window - 1 if causal else window // 2
        self.residual_loss: nn.Module = build_part(residual_loss, "residual_loss")
        self.rows = [COORDINATES.index(name) for name in self.torque_codec.torques]
        self.examples = MotionExamples()
        self.trunk = KinematicTrunk(trunk, window, 12 + 6 + 2, dropout, extra=NUM_FEATURES)
        nn.init.zeros_(self.trunk.output.weight)
        nn.init.zeros_(self.trunk.output.bias)

    def tensor(self, inputs: Inputs) -> GuidedOutput:
        """Return standardised torques [B, K, Q], wrenches [B, K, 2, 6], the residual [B, K, 2] and the trust [B, K]."""
        mass, unit = inputs["mass"], wrench_unit(inputs["mass"], inputs["height"])
        predicted = slice(self.target_index, inputs["coordinates"].shape[1] - self.window + self.target_index + 1)
        device = mass.device.type
        with torch.autocast(device, enabled=False):
            coordinates, velocities, heading = face_forward(
                inputs["coordinates"].float(), inputs["coordinate_velocities"].float()
            )
            guess = first_guess(inputs, heading, unit)
        opinion = self.opinion(coordinates, velocities, guess, mass, inputs["height"])
        with torch.autocast(device, enabled=False):
            trust = trust_of(self.examples(coordinates[:, predicted], velocities[:, predicted]))
            now = FirstGuess(*(part[:, predicted] for part in guess))
            shift = correction(opinion.float(), now)[..., :2, :] * trust[..., None, None] * unit[:, :, None]
            jacobians = inputs["foot_jacobians"][:, predicted].float()
            wrenches = inputs["physics_wrenches"][:, predicted].float()
            wrenches = wrenches + turn_wrenches(shift, -heading[:, predicted, None])
            torques = inputs["inertial_torques"][:, predicted].float() - wrench_torques(jacobians, wrenches)
            residual = pelvis_residual(torques)
            standardised = self.torque_codec.encode(torques[..., self.rows], mass)
            return GuidedOutput(standardised, wrenches, residual, residual / unit[..., [3, 0]], trust)

    def opinion(
        self, coordinates: Tensor, velocities: Tensor, guess: FirstGuess, mass: Tensor, height: Tensor
    ) -> Tensor:
        """Return the network's word [B, K, 20]: the mean of what it says of a clip and of its mirror image."""
        features = guess.features().clamp(-MAX_DEVIATION, MAX_DEVIATION)
        said = self.trunk(coordinates, velocities, mass, height, features)
        image = FirstGuess(
            mirrored_wrench(guess.feet.flip(-2)),
            mirrored_wrench(guess.rest),
            guess.load * guess.load.new_tensor(_MIRROR_SIGN[PELVIS]),
            guess.supports,
        )
        features = image.features().clamp(-MAX_DEVIATION, MAX_DEVIATION)
        other = self.trunk(mirrored(coordinates), mirrored(velocities), mass, height, features)
        shift = mirrored_wrench(other[..., :12].unflatten(-1, (2, 6)).flip(-2)).flatten(-2)
        return (said + torch.cat([shift, other[..., 12:18], other[..., 18:].flip(-1)], dim=-1)) / 2

    def loss(self, inputs: Inputs, data_samples: Sequence[TorqueSample]) -> dict[str, Tensor]:
        """Return loss_torque and loss_residual, and for the log residual_N and residual_Nm."""
        output = self.tensor(inputs)
        hybrid = HybridOutput(*output[:4])
        return self.torque_losses(output, data_samples) | residual_losses(hybrid, data_samples, self.residual_loss)

    def predict(self, inputs: Inputs, data_samples: Sequence[TorqueSample]) -> Sequence[TorqueSample]:
        """Add what :meth:`DinoHybrid.predict` adds, and pred_trust [K], the share of the correction that counts."""
        output = self.tensor(inputs)
        self.add_torques(output, data_samples)
        for sample, trust in zip(data_samples, output.trust):
            sample.pred_trust = trust
        return add_wrenches(HybridOutput(*output[:4]), data_samples)


def first_guess(inputs: Inputs, heading: Tensor, unit: Tensor) -> FirstGuess:
    """Return what physics says of clips whose people are turned by ``heading`` [B, L] rad, in ``unit`` [B, 1, 6]."""
    feet = turn_wrenches(inputs["physics_wrenches"].float(), heading[:, :, None]) / unit[:, :, None]
    load = inputs["inertial_torques"][..., PELVIS].float() / unit
    supports = support_jacobians(inputs["foot_jacobians"].float(), heading, unit)
    left = load - torch.einsum("blskc,blsk->blc", supports[:, :, :2], feet)
    # Double precision: the pelvis' angles are ill-conditioned where it lies on its side.
    rest = torch.linalg.solve(supports[:, :, 2].transpose(-1, -2).double(), left.double())
    return FirstGuess(feet, rest.float(), load, supports)


def correction(opinion: Tensor, guess: FirstGuess) -> Tensor:
    """Return how the wrenches of right foot, left foot and third support change, [B, K, 3, 6]; see the class above.

    Args:
        opinion: [B, K, 20]: the feet's shifts, 12, the spread of the third support, 6, and the feet's doubts, 2.
        guess: of the K predicted frames.
    """
    shift, spread, doubt = opinion[..., :12].unflatten(-1, (2, 6)), opinion[..., 12:18], opinion[..., 18:]
    size = guess.size[..., None]
    wanted = size * shift - torch.tanh(doubt)[..., None] * guess.feet
    wanted = torch.cat([wanted, torch.zeros_like(wanted[..., :1, :])], dim=-2)
    spread = (MAX_LOG_SPREAD * torch.tanh(spread / MAX_LOG_SPREAD)).exp()[..., None, :]
    spread = torch.cat([torch.ones_like(shift), spread], dim=-2)
    change = share_load(torch.zeros_like(guess.load), guess.supports, wanted, spread)
    length = change.flatten(-2).norm(dim=-1)[..., None, None].clamp(min=1e-9)
    most = MAX_CORRECTION * size
    return change * (most * torch.tanh(length / most) / length)
