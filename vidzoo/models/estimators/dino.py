"""The models of Dinovitzer et al. 2023: torques from kinematics alone, end to end or through rigid-body dynamics.

"Dino" is short for the first author's name; DINO, the vision transformer, is something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from vidzoo.anatomy import COORDINATES, DEPENDENT_COORDINATES, FEET, GRAVITY, PELVIS_COORDINATES
from vidzoo.errors import ConfigError
from vidzoo.models.codecs.torque_codec import Standardizer
from vidzoo.models.estimators.base import TorqueEstimator, build_part, stack
from vidzoo.models.rigid_body import PELVIS, face_forward, pelvis_jacobian, share_load, turn_back, wrench_torques
from vidzoo.models.temporal_heads.windows import unfold_windows
from vidzoo.registry import MODELS
from vidzoo.structures import Inputs, TorqueSample

TRUNKS = {"mlp": (256, 3), "lstm": (128, 2)}
"""Width and number of layers."""
JOINTS = [i for i, name in enumerate(COORDINATES) if name not in (*PELVIS_COORDINATES, *DEPENDENT_COORDINATES)]
POSTURE = [COORDINATES.index(name) for name in ("pelvis_tilt", "pelvis_list", "pelvis_ty")]
"""What of the pelvis' place is an input: the rest tells where in the room a person is and faces."""
POSTURE_SCALE = (0.2, 0.2, 0.1)
"""rad, rad, m: round figures for the size of the inputs. Statistics in the room's axes say nothing of the person's."""
PELVIS_HEIGHT = 0.55
"""Of a standing person's height, round."""
RATE_SCALE = (1.0, 1.0, 1.0, 0.5, 0.5, 0.5)
"""rad/s and m/s, as POSTURE_SCALE."""
NUM_BODY = 2
"""Mass and height."""
MAX_DEVIATION = 5.0
"""An input farther from its mean, in standard deviations, is taken for one so far: a shoulder's angles may jump."""
FOOT_LENGTH = 0.152
"""Of a person's height (Winter, Biomechanics and Motor Control of Human Movement, 2009, Table 4.1)."""
MAX_LOG_SPREAD = 2.5
"""Spreads lie within a factor e^2.5 = 12 of their unit, so that the shares of a load are well conditioned."""


class TorqueOutput(NamedTuple):
    """Raw result of DinoEndToEnd for B clips."""

    torques: Tensor
    """[B, K, Q], standardised."""


class HybridOutput(NamedTuple):
    """Raw result of DinoHybrid for B clips."""

    torques: Tensor
    """[B, K, Q], standardised."""
    wrenches: Tensor
    """[B, K, 2, 6]: of the ground on the right and left foot, N·m about the calcaneus origin and N, ground axes."""
    residual: Tensor
    """[B, K, 2]: magnitude of the pelvis force in N and of the pelvis moment in N·m that no foot accounts for."""
    residual_share: Tensor
    """[B, K, 2]: the same in body weights and body weights times foot length."""


class KinematicTrunk(nn.Module):
    """Read what a person does from causal windows of coordinates and their velocities, mass and height.

    The 33 independent coordinates enter as of a person who stands at the room's origin and faces its x axis
    (:func:`face_forward`): 30 of them, for three are then 0, and 33 velocities. Those of the joints, mass and height
    are standardised by the training subset's statistics, those of the pelvis divided by fixed round figures. The
    weights of mass and height begin at 0: what a training set of one person cannot teach
    changes nothing for the next one.

    Args:
        kind: 'mlp', 3 layers of 256 units on the window's frames side by side, or 'lstm', 2 layers of 128 units over
            its frames, of which the last state counts.
        window: T.
        out_features: of the linear layer at the end.
        dropout: in training, behind each hidden layer of the MLP, between those of the LSTM.
        extra: number of further features of each frame, of the order of one.
    """

    posture_scale: Tensor
    rate_scale: Tensor

    def __init__(self, kind: str, window: int, out_features: int, dropout: float, extra: int = 0) -> None:
        super().__init__()
        if kind not in TRUNKS:
            raise ConfigError(f"trunk='{kind}' must be one of {', '.join(TRUNKS)}.")
        if window < 1:
            raise ConfigError(f"window={window} must be 1 frame or more.")
        self.window = window
        self.coordinates = Standardizer((len(COORDINATES),), "input_coordinates")
        self.velocities = Standardizer((len(COORDINATES),), "input_coordinate_velocities")
        self.mass = Standardizer((), "input_mass")
        self.height = Standardizer((), "input_height")
        width, depth = TRUNKS[kind]
        self.register_buffer("posture_scale", torch.tensor(POSTURE_SCALE), persistent=False)
        self.register_buffer("rate_scale", torch.tensor(RATE_SCALE), persistent=False)
        per_frame = 2 * len(JOINTS) + len(POSTURE_SCALE) + len(RATE_SCALE) + extra
        self.lstm: nn.LSTM | None = None
        self.mlp: nn.Sequential | None = None
        if kind == "lstm":
            self.lstm = nn.LSTM(per_frame + NUM_BODY, width, depth, batch_first=True, dropout=dropout)
            first: Tensor = self.lstm.get_parameter("weight_ih_l0")
        else:
            sizes = [window * per_frame + NUM_BODY] + [width] * depth
            linear = [nn.Linear(*size) for size in pairwise(sizes)]
            self.mlp = nn.Sequential(*(part for layer in linear for part in (layer, nn.ReLU(), nn.Dropout(dropout))))
            first = linear[0].weight
        with torch.no_grad():
            first[:, -NUM_BODY:] = 0
        self.output = nn.Linear(width, out_features)

    def forward(
        self, coordinates: Tensor, velocities: Tensor, mass: Tensor, height: Tensor, extra: Tensor | None = None
    ) -> Tensor:
        """Return [B, K, out_features] for coordinates and velocities [B, L, C] that face forward, mass and height [B].

        ``extra`` [B, L, extra] are the further features.

        Raises:
            ConfigError: a clip is shorter than a window.
        """
        upright = torch.zeros(len(coordinates), 1, len(POSTURE), device=coordinates.device)
        upright[..., -1] = PELVIS_HEIGHT * height[:, None]
        parts = [
            (coordinates[..., POSTURE] - upright) / self.posture_scale,
            velocities[..., PELVIS] / self.rate_scale,
            self.coordinates.standardise(coordinates)[..., JOINTS],
            self.velocities.standardise(velocities)[..., JOINTS],
        ]
        frames = torch.cat(parts if extra is None else [*parts, extra], dim=-1)
        body = torch.stack([self.mass.standardise(mass), self.height.standardise(height)], dim=-1)
        frames, body = (x.clamp(-MAX_DEVIATION, MAX_DEVIATION) for x in (frames, body))
        windows = unfold_windows(frames, self.window)
        body = body.repeat_interleave(len(windows) // len(body), dim=0)
        if self.mlp is not None:
            states = self.mlp(torch.cat([windows.flatten(1), body], dim=1))
        elif self.lstm is not None:
            states = self.lstm(torch.cat([windows, body[:, None].expand(-1, self.window, -1)], dim=2))[0][:, -1]
        return self.output(states).unflatten(0, (len(coordinates), -1))


@MODELS.register_module()
class DinoEndToEnd(TorqueEstimator[TorqueOutput]):
    """The end-to-end model of Dinovitzer et al. 2023: kinematics to the torques of each window's last frame.

    The publication's text names the idea and the inputs' kind alone. Assumed here: windows of ``window`` frames that
    end at the predicted one; the independent coordinates and their velocities, mass and height as inputs; the trunk's
    kind and size; standardised N·m/kg as targets; that neither place nor heading in the room is told to the network.
    The velocities are central differences, so that in real time a prediction is one frame late.

    Args:
        torque_codec: N·m to standardised N·m/kg and back; its number of torques is Q.
        torque_loss: loss(prediction, target, valid).
        window: T.
        trunk: 'mlp' or 'lstm', see :class:`KinematicTrunk`.
        dropout: of the trunk.
        causal: a window ends with the frame that it predicts, as in the publication; otherwise that is its centre.
        data_preprocessor: see :class:`TorqueEstimator`.

    Source: Dinovitzer, Shushtari, Arami 2023, IEEE TBME 70(8):2289-2297, of which layers, window and training are not
    public; the model card lists what is assumed.
    """

    requires = ("coordinates", "coordinate_velocities", "mass", "height")

    def __init__(
        self,
        torque_codec: Any,
        torque_loss: Any,
        window: int = 13,
        trunk: Literal["mlp", "lstm"] = "mlp",
        dropout: float = 0.1,
        causal: bool = True,
        data_preprocessor: Any = None,
    ) -> None:
        super().__init__(torque_codec, torque_loss, data_preprocessor)
        self.window = window
        self.target_index = window - 1 if causal else window // 2
        self.trunk = KinematicTrunk(trunk, window, self.torque_codec.num_torques, dropout)

    def tensor(self, inputs: Inputs) -> TorqueOutput:
        """Return standardised torques [B, K, Q]."""
        coordinates, velocities, _ = face_forward(inputs["coordinates"], inputs["coordinate_velocities"])
        return TorqueOutput(self.trunk(coordinates, velocities, inputs["mass"], inputs["height"]))


@MODELS.register_module()
class DinoHybrid(TorqueEstimator[HybridOutput]):
    """The hybrid model of Dinovitzer et al. 2023: kinematics to the feet's wrenches, and by dynamics to torques.

    ``torques = inertial_torques - J_R^T W_R - J_L^T W_L`` is exact, and its six pelvis rows, which no muscle drives,
    say what all supports of the body bear together. So the network says only how they share it: for each support and
    component of its wrench a guess and how far from it the wrench may lie (:func:`share_load`). With a
    ``residual_loss`` there is a third support beside the feet, at the pelvis: a chair, or whatever makes motion and
    forces disagree. What it bears stays in the pelvis rows as the residual, which is reported and kept small by that
    loss; without one the feet bear all and the residual vanishes.

    The labels enter through the dynamics alone: the loss is of torques, as in :class:`DinoEndToEnd`, whose assumptions
    hold here too. Assumed further: guesses and spreads, in the axes of the person's heading, in units of body weight
    and body weight times foot length; the third support. ``inertial_torques`` hold accelerations, which the data file
    takes from low-passed coordinates, forward and backward in time: in real time they would be worse.

    Args:
        torque_codec, torque_loss, window, trunk, dropout, causal, data_preprocessor: see :class:`DinoEndToEnd`.
        residual_loss: called as loss(prediction, 0, valid) on the magnitudes [B, K, 2] of the residual force and moment
            in the units above, or its config; None: no third support.

    Raises:
        ConfigError: a torque of the codec is one that no muscle gives.

    Source: as :class:`DinoEndToEnd`.
    """

    requires = ("coordinates", "coordinate_velocities", "mass", "height", "inertial_torques", "foot_jacobians")
    target_index: int

    def __init__(
        self,
        torque_codec: Any,
        torque_loss: Any,
        window: int = 13,
        trunk: Literal["mlp", "lstm"] = "mlp",
        dropout: float = 0.1,
        causal: bool = True,
        residual_loss: Any = None,
        data_preprocessor: Any = None,
    ) -> None:
        super().__init__(torque_codec, torque_loss, data_preprocessor)
        check_driven(self.torque_codec.torques, type(self).__name__)
        self.window = window
        self.target_index = window - 1 if causal else window // 2
        self.residual_loss: nn.Module | None = None
        if residual_loss is not None:
            self.residual_loss = build_part(residual_loss, "residual_loss")
        self.rows = [COORDINATES.index(name) for name in self.torque_codec.torques]
        self.num_supports = len(FEET) + (residual_loss is not None)
        self.trunk = KinematicTrunk(trunk, window, self.num_supports * 12, dropout)

    def tensor(self, inputs: Inputs) -> HybridOutput:
        """Return standardised torques [B, K, Q], wrenches [B, K, 2, 6] and the residual [B, K, 2]."""
        mass, height = inputs["mass"], inputs["height"]
        predicted = slice(self.target_index, inputs["coordinates"].shape[1] - self.window + self.target_index + 1)
        inertial = inputs["inertial_torques"][:, predicted].float()
        jacobians = inputs["foot_jacobians"][:, predicted].float()
        coordinates, velocities, heading = face_forward(inputs["coordinates"], inputs["coordinate_velocities"])
        opinion = self.trunk(coordinates, velocities, mass, height)
        with torch.autocast(opinion.device.type, enabled=False):
            heading = heading[:, predicted]
            unit = wrench_unit(mass, height)
            wrenches = self.wrenches(opinion.float(), inertial, jacobians, heading, unit)
            torques = inertial - wrench_torques(jacobians, wrenches)
            residual = pelvis_residual(torques)
            standardised = self.torque_codec.encode(torques[..., self.rows], mass)
            return HybridOutput(standardised, wrenches, residual, residual / unit[..., [3, 0]])

    def wrenches(self, opinion: Tensor, inertial: Tensor, jacobians: Tensor, heading: Tensor, unit: Tensor) -> Tensor:
        """Return the wrenches [B, K, 2, 6] on the feet, in ground axes.

        Args:
            opinion: [B, K, S * 12], the trunk's: of each of S supports a guess and the spreads' logarithms.
            inertial: [B, K, C].
            jacobians: [B, K, 2, 6, C].
            heading: [B, K] rad.
            unit: [B, 1, 6] N·m and N, of :func:`wrench_unit`.
        """
        guess, spread = opinion.unflatten(-1, (self.num_supports, 2, 6)).unbind(-2)
        spread = (MAX_LOG_SPREAD * torch.tanh(spread / MAX_LOG_SPREAD)).exp()
        supports = support_jacobians(jacobians, heading, unit)[:, :, : self.num_supports]
        shares = share_load(inertial[..., PELVIS] / unit, supports, guess, spread)[..., : len(FEET), :]
        return turn_wrenches(shares * unit[:, :, None], -heading[:, :, None])

    def loss(self, inputs: Inputs, data_samples: Sequence[TorqueSample]) -> dict[str, Tensor]:
        """Return loss_torque, with a ``residual_loss`` loss_residual, and for the log residual_N and residual_Nm."""
        output = self.tensor(inputs)
        return self.torque_losses(output, data_samples) | residual_losses(output, data_samples, self.residual_loss)

    def predict(self, inputs: Inputs, data_samples: Sequence[TorqueSample]) -> Sequence[TorqueSample]:
        """Add pred_torques [K, Q] N·m, pred_wrenches [K, 2, 6] N·m and N, and pred_residual [K, 2] N and N·m."""
        output = self.tensor(inputs)
        self.add_torques(output, data_samples)
        return add_wrenches(output, data_samples)


def check_driven(torques: Sequence[str], owner: str) -> None:
    """Check that muscles drive the coordinates of these names.

    Raises:
        ConfigError: one is the pelvis'.
    """
    of_pelvis = [name for name in torques if name in PELVIS_COORDINATES]
    if of_pelvis:
        raise ConfigError(
            f"{owner}: torque_codec names {', '.join(of_pelvis)}, but no muscle drives the pelvis' coordinates; leave "
            f"them out."
        )


def wrench_unit(mass: Tensor, height: Tensor) -> Tensor:
    """Return body weight times foot length in N·m, thrice, and body weight in N, thrice: [B, 1, 6]."""
    weight = GRAVITY * mass
    return torch.stack([weight * FOOT_LENGTH * height] * 3 + [weight] * 3, dim=-1)[:, None]


def support_jacobians(jacobians: Tensor, heading: Tensor, unit: Tensor) -> Tensor:
    """Return the Jacobians [B, K, 3, 6, 6] of right foot, left foot and pelvis for the pelvis coordinates.

    Rows in the axes of the heading and in ``unit``, columns too, so that all numbers are of the order of one.

    Args:
        jacobians: [B, K, 2, 6, C] of the feet.
        heading: [B, K] rad.
        unit: [B, 1, 6] N·m and N, of :func:`wrench_unit`.
    """
    supports = torch.cat([jacobians[..., PELVIS], pelvis_jacobian(jacobians)[:, :, None]], dim=2)
    supports = turn_wrenches(supports.transpose(-1, -2), heading[:, :, None, None]).transpose(-1, -2)
    return supports * (unit[:, :, None, :, None] / unit[:, :, None, None, :])


def pelvis_residual(torques: Tensor) -> Tensor:
    """Return the magnitudes [..., 2] of the pelvis force in N and moment in N·m of generalized forces [..., C]."""
    pelvis = torques[..., PELVIS]
    return torch.stack([pelvis[..., 3:].norm(dim=-1), pelvis[..., :3].norm(dim=-1)], dim=-1)


def residual_losses(
    output: HybridOutput, data_samples: Sequence[TorqueSample], residual_loss: nn.Module | None
) -> dict[str, Tensor]:
    """Return loss_residual, where there is a loss, and for the log residual_N and residual_Nm, of learnt frames."""
    losses = {}
    learnt = stack(data_samples, "valid").any(dim=-1, keepdim=True).expand_as(output.residual)
    if residual_loss is not None:
        share = output.residual_share
        losses["loss_residual"] = residual_loss(share, torch.zeros_like(share), learnt)
    mean = torch.where(learnt, output.residual.detach(), 0.0).sum(dim=(0, 1)) / learnt.sum(dim=(0, 1)).clamp(min=1)
    return losses | {"residual_N": mean[0], "residual_Nm": mean[1]}


def add_wrenches(output: HybridOutput, data_samples: Sequence[TorqueSample]) -> Sequence[TorqueSample]:
    """Add pred_wrenches [K, 2, 6] N·m and N and pred_residual [K, 2] N and N·m to each sample; return the samples."""
    for sample, wrenches, residual in zip(data_samples, output.wrenches, output.residual):
        sample.pred_wrenches = wrenches
        sample.pred_residual = residual
    return data_samples


def turn_wrenches(wrenches: Tensor, heading: Tensor) -> Tensor:
    """Turn both halves of [..., 6] by minus ``heading`` [...]."""
    return turn_back(wrenches.unflatten(-1, (2, 3)), heading[..., None]).flatten(-2)
