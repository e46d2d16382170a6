"""ImDy: joint torques from a set of markers, learnt together with the motion that they cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from vidzoo.anatomy import MARKERS, PELVIS_MARKER_INDICES
from vidzoo.errors import ConfigError
from vidzoo.models.codecs.torque_codec import Standardizer
from vidzoo.models.estimators.base import TorqueEstimator, build_part, mass_of, stack
from vidzoo.models.temporal_heads import unfold_windows
from vidzoo.registry import MODELS
from vidzoo.structures import Inputs, TorqueSample

HISTORY = 3
"""Frames that the forward-dynamics net sees: t - 2 to t."""
TRUE_ONLY_SHARE = 0.1
"""Of the epochs: so long the forward-dynamics net sees none but true torques and forces."""
PREDICTED_SHARE = 0.2
"""Of the windows: so many show it the predicted ones afterwards."""


class MarkerWindows(NamedTuple):
    """What the two networks see of N windows of T frames."""

    positions: Tensor
    """[N, T, M, 3] m, relative to the pelvis' place on the floor at the predicted frame."""
    valid: Tensor
    """[N, M] bool: the marker was seen in every frame of the window."""
    which: Tensor
    """[N, M] int: the markers' numbers in ``vidzoo.anatomy.MARKERS``."""


class ImDyOutput(NamedTuple):
    """Raw result of ImDy for B clips."""

    torques: Tensor
    """[B, K, Q], standardised."""
    grf: Tensor | None
    """[B, K, 2 frames, 2 feet, 3], standardised: at t and t + 1; None without ground forces."""
    contact: Tensor | None
    """[B, K, 2 frames, 2 feet] logits, above 0 where the foot stands."""
    windows: MarkerWindows
    """Of the N = B K windows; in training of the markers drawn."""


def cut_windows(markers: Tensor, valid: Tensor, window: int, target_index: int) -> MarkerWindows:
    """Cut clips into windows that do not know where in the room they are.

    The horizontal place of the pelvis at the predicted frame (the mean of those of its markers that were seen) is
    subtracted from all frames; heights and headings stay. A marker that was missing in some frame is masked in the
    whole window. Where no pelvis marker was seen at the predicted frame, or no marker in the whole window, the data
    set's stand-ins have to serve.

    Args:
        markers: [B, L, M, 3] m, without gaps.
        valid: [B, L, M] bool.
        window: T.
        target_index: of the predicted frame in the window.

    Raises:
        ConfigError: the clips are shorter than a window.
    """
    positions = unfold_windows(markers.flatten(2), window).unflatten(2, (-1, 3))
    seen = unfold_windows(valid, window)
    pelvis, known = (values[:, target_index, PELVIS_MARKER_INDICES] for values in (positions, seen))
    known = (known | ~known.any(dim=1, keepdim=True))[..., None]
    centre = torch.where(known, pelvis, 0.0).sum(dim=1) / known.sum(dim=1)
    positions = positions - (centre * centre.new_tensor([1.0, 0.0, 1.0]))[:, None, None]
    whole = seen.all(dim=1)
    whole = whole | ~whole.any(dim=1, keepdim=True)
    which = torch.arange(whole.shape[1], device=whole.device).expand_as(whole)
    return MarkerWindows(torch.where(whole[:, None, :, None], positions, 0.0), whole, which)


def draw_markers(windows: MarkerWindows, number: int) -> MarkerWindows:
    """Keep ``number`` random markers of each window, drawn among the valid ones as long as there are any."""
    lots = torch.rand(windows.valid.shape, device=windows.valid.device) + ~windows.valid
    chosen = lots.argsort(dim=1)[:, :number]
    index = chosen[:, None, :, None].expand(-1, windows.positions.shape[1], -1, 3)
    return MarkerWindows(
        windows.positions.gather(2, index), windows.valid.gather(1, chosen), windows.which.gather(1, chosen)
    )


def marker_features(positions: Tensor, velocity_scale: float) -> Tensor:
    """Return [N, M, 6 T] of positions [N, T, M, 3]: these and ``velocity_scale`` times their velocities in m a frame.

    Velocities are central differences, at a window's ends one-sided, so that a window is all that they depend on.
    """
    (velocities,) = torch.gradient(positions, dim=1)
    return torch.cat([positions, velocity_scale * velocities], dim=-1).transpose(1, 2).flatten(2)


def training_progress() -> float:
    """Return the share of the running training's epochs that are done; 0 where none is running."""
    hub = MessageHub.get_current_instance()
    epoch, epochs = hub.get_info("epoch"), hub.get_info("max_epochs")
    return epoch / epochs if epoch and epochs else 0.0


def make_decoder(dim: int, heads: int, layers: int, feedforward: int, dropout: float) -> nn.TransformerDecoder:
    """Return a Transformer decoder (ReLU, norms after each part and at the end) whose layers begin different."""
    layer = nn.TransformerDecoderLayer(dim, heads, feedforward, dropout, batch_first=True)
    decoder = nn.TransformerDecoder(layer, layers, norm=nn.LayerNorm(dim))
    for parameter in decoder.parameters():  # its layers are copies
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter)
    return decoder


class InverseDynamicsNet(nn.Module):
    """From a set of marker tokens to ``outputs`` numbers: one learnt query that attends to them.

    With ``names`` a token also holds a learnt vector of its marker.
    """

    def __init__(self, in_features: int, outputs: int, dim: int, names: bool, **decoder: Any) -> None:
        super().__init__()
        self.embed = nn.Linear(in_features, dim)
        self.embed_name = nn.Embedding(len(MARKERS), dim) if names else None
        self.query = nn.Parameter(torch.empty(1, dim))
        nn.init.normal_(self.query, std=0.02)
        self.decoder = make_decoder(dim, **decoder)
        self.head = nn.Linear(dim, outputs)

    def forward(self, features: Tensor, valid: Tensor, which: Tensor) -> Tensor:
        """Return [N, outputs] for features [N, M, F] of the markers ``which`` [N, M], of which ``valid`` count."""
        query = self.query.expand(len(features), -1, -1)
        tokens = self.embed(features)
        if self.embed_name is not None:
            tokens = tokens + self.embed_name(which)
        return self.head(self.decoder(query, tokens, memory_key_padding_mask=~valid))[:, 0]


class ForwardDynamicsNet(nn.Module):
    """From the markers' last frames, torques and ground forces to the markers' next place."""

    def __init__(self, num_torques: int, ground_forces: bool, dim: int, **decoder: Any) -> None:
        super().__init__()
        self.embed = nn.Linear(3 * HISTORY, dim)
        self.embed_torques = nn.Linear(num_torques, dim)
        self.embed_grf = nn.Linear(2 * 3, dim) if ground_forces else None
        self.decoder = make_decoder(dim, **decoder)
        self.head = nn.Linear(dim, 3)

    def forward(
        self, history: Tensor, valid: Tensor, torques: Tensor, grf: Tensor | None, grf_valid: Tensor | None
    ) -> Tensor:
        """Return the markers at t + 1, [N, M, 3] m.

        Args:
            history: [N, HISTORY, M, 3] m.
            valid: [N, M] bool: markers that count.
            torques: [N, Q] standardised, at t.
            grf: [N, 2, 3] standardised, at t; with ground forces only.
            grf_valid: [N] bool: windows whose ground forces count.
        """
        markers = self.embed(history.transpose(1, 2).flatten(2))
        memory = [markers, self.embed_torques(torques)[:, None]]
        counts = [valid, torch.ones_like(valid[:, :1])]
        if self.embed_grf is not None and grf is not None and grf_valid is not None:
            memory.append(self.embed_grf(grf.flatten(1))[:, None])
            counts.append(grf_valid[:, None])
        states = self.decoder(
            markers,
            torch.cat(memory, dim=1),
            tgt_key_padding_mask=~valid,
            memory_key_padding_mask=~torch.cat(counts, dim=1),
        )
        return self.head(states)


@MODELS.register_module()
class ImDy(TorqueEstimator[ImDyOutput]):
    """Estimate torques from ``markers`` [B, L, M, 3] of clips, window by window.

    An inverse-dynamics net reads one token per marker, its place and velocity in the window's frames, as a set: no
    token says which marker it is, unless ``names``. In training a forward-dynamics net says from the markers up to t,
    the torques and the ground forces where the markers will be at t + 1. For the first tenth of the epochs (MMEngine's
    message hub knows the epoch) it is shown the true torques and forces, afterwards the predicted ones in a fifth of
    the windows, so that these learn from the motion too. An unknown torque is shown as the training mean; the forces'
    token is left out where none were measured, and the whole window where no torque is known.

    Args:
        torque_codec: N·m to standardised N·m/kg and back.
        torque_loss: loss(prediction, target, valid) on standardised [B, K, Q].
        marker_loss: the same on the markers at t + 1, m.
        grf_loss: on standardised ground forces at t and t + 1; the three that follow are needed with ground forces.
        contact_loss: on logits of the feet's contacts at t and t + 1.
        grf_change_loss: on the change of the standardised ground forces from t to t + 1.
        ground_forces: predict forces and contacts of the feet too; the data set must then be told ``grf=True``. In
            trials without forces they are not learnt.
        window: T.
        target_index: the predicted frame in it, t; at least HISTORY - 1 frames before it and one after it are needed.
        min_markers: in training, each step shows so many markers at least, drawn again for each window; None: all.
        names: say in the inverse-dynamics net's tokens which marker each is; then they are no set.
        velocity_scale: of the velocities in a token, which are in m a frame, about a hundredth of the places beside
            them; 100 makes them m/s on a grid of 100 Hz.
        mask_missing: leave missing markers out; otherwise the data set's stand-ins are taken for markers.
        dim: width of a token.
        heads: attention heads; divides ``dim``.
        layers: of each decoder.
        feedforward: width of each layer's feed-forward part.
        dropout: in training, in both decoders.
        data_preprocessor: config or module.

    Raises:
        ConfigError: an argument is out of its range, or a clip is shorter than a window.

    Source: Liu et al. 2024, ImDy, arXiv 2410.17610, and the facts of its released program: sizes, tokens, the mix of
    true and predicted, losses. Markers are not normalised; torques are, and forces, both per kg here. Four faults of
    that program are not repeated:

    - It scores ground forces on the torques. Here each has its own place: ``pred_torques`` and ``pred_grf``.
    - It takes a contact's logit for a probability and compares it with 0.5. Here a foot stands where it exceeds 0.
    - It does not mask the markers that pad a set; centred, they lie where the room's origin is, seen from the pelvis,
      and give the absolute place away. Here they are masked, unless ``mask_missing=False``.
    - Mixing predictions into what the forward net sees, it overwrites the torque labels of those samples, so that the
      inverse net learns from itself there. Here the mix is a tensor of its own.

    Where its facts are silent: the loss on the forces' change compares it with the measured change; velocities at the
    ends of a window are one-sided differences.
    """

    requires: tuple[str, ...] = ("markers", "marker_valid")
    target_index: int

    def __init__(
        self,
        torque_codec: Any,
        torque_loss: Any,
        marker_loss: Any,
        grf_loss: Any = None,
        contact_loss: Any = None,
        grf_change_loss: Any = None,
        ground_forces: bool = True,
        window: int = 6,
        target_index: int = 2,
        min_markers: int | None = 22,
        names: bool = False,
        velocity_scale: float = 1.0,
        mask_missing: bool = True,
        dim: int = 64,
        heads: int = 4,
        layers: int = 3,
        feedforward: int = 128,
        dropout: float = 0.1,
        data_preprocessor: Any = None,
    ) -> None:
        super().__init__(torque_codec, torque_loss, data_preprocessor)
        if not HISTORY - 1 <= target_index < window - 1:
            raise ConfigError(
                f"ImDy: target_index={target_index} in window={window}, expected {HISTORY - 1} to {window - 2}: "
                f"{HISTORY - 1} frames before the predicted one and one after it."
            )
        if dim % heads:
            raise ConfigError(f"ImDy: dim={dim} is no multiple of heads={heads}.")
        if min_markers is not None and min_markers < 1:
            raise ConfigError(f"ImDy: min_markers={min_markers} must be 1 or more, or None for all markers.")
        if not 0 < velocity_scale < float("inf"):
            raise ConfigError(f"ImDy: velocity_scale={velocity_scale} must be a finite number above 0.")
        self.window, self.target_index = window, target_index
        self.min_markers = min_markers
        self.velocity_scale = velocity_scale
        self.mask_missing = mask_missing
        if not mask_missing:
            self.requires = ("markers",)
        self.marker_loss: nn.Module = build_part(marker_loss, "marker_loss")
        self.grf_codec: Standardizer | None = None
        if ground_forces:
            self.grf_codec = Standardizer((2, 3), "grf_per_kg")
            self.grf_loss: nn.Module = build_part(grf_loss, "grf_loss")
            self.contact_loss: nn.Module = build_part(contact_loss, "contact_loss")
            self.grf_change_loss: nn.Module = build_part(grf_change_loss, "grf_change_loss")
        num_torques = self.torque_codec.num_torques
        self._outputs = (num_torques, 2 * 2 * 3, 2 * 2) if ground_forces else (num_torques,)
        decoder = {"heads": heads, "layers": layers, "feedforward": feedforward, "dropout": dropout}
        self.inverse_dynamics = InverseDynamicsNet(6 * window, sum(self._outputs), dim, names, **decoder)
        self.forward_dynamics = ForwardDynamicsNet(num_torques, ground_forces, dim, **decoder)

    def tensor(self, inputs: Inputs) -> ImDyOutput:
        """Return standardised torques and ground forces, contacts, and the windows that were looked at."""
        markers = inputs["markers"]
        valid = inputs["marker_valid"] if self.mask_missing else torch.ones_like(markers[..., 0], dtype=torch.bool)
        windows = cut_windows(markers, valid, self.window, self.target_index)
        if self.training and self.min_markers is not None and self.min_markers < markers.shape[2]:
            number = int(torch.randint(self.min_markers, markers.shape[2] + 1, ()))
            windows = draw_markers(windows, number)
        features = marker_features(windows.positions, self.velocity_scale)
        result = self.inverse_dynamics(features, windows.valid, windows.which)
        torques, *forces = result.unflatten(0, (len(markers), -1)).split(self._outputs, dim=-1)
        if not forces:
            return ImDyOutput(torques, None, None, windows)
        return ImDyOutput(torques, forces[0].unflatten(-1, (2, 2, 3)), forces[1].unflatten(-1, (2, 2)), windows)

    def loss(self, inputs: Inputs, data_samples: Sequence[TorqueSample]) -> dict[str, Tensor]:
        """Return the losses of torques, next markers and, with ground forces, of these, their change and contacts."""
        output = self.tensor(inputs)
        losses = self.torque_losses(output, data_samples)
        valid = stack(data_samples, "valid")
        torques = self.torque_codec.encode(stack(data_samples, "gt_torques"), mass_of(data_samples, output.torques))
        is_predicted = self._draw_predicted(valid)
        torques = torch.where(is_predicted, output.torques, torch.where(valid, torques, 0.0))
        grf = grf_valid = None
        if self.grf_codec is not None and output.grf is not None and output.contact is not None:
            force, contact, known = self._force_targets(self.grf_codec, data_samples, output.grf)
            losses["loss_grf"] = self.grf_loss(output.grf, force, known[..., None, None])
            losses["loss_contact"] = self.contact_loss(output.contact, contact, known[..., None])
            predicted_change, change = output.grf[:, :, 1] - output.grf[:, :, 0], force[:, :, 1] - force[:, :, 0]
            both_known = known.all(dim=2)[..., None, None]
            losses["loss_grf_change"] = self.grf_change_loss(predicted_change, change, both_known)
            grf = torch.where(is_predicted[..., None], output.grf[:, :, 0], force[:, :, 0]).flatten(0, 1)
            grf_valid = known[:, :, 0].flatten()
        positions, seen, _ = output.windows
        now = self.target_index
        moved = self.forward_dynamics(
            positions[:, now - HISTORY + 1 : now + 1], seen, torques.flatten(0, 1), grf, grf_valid
        )
        labelled = valid.flatten(0, 1).any(dim=1, keepdim=True)
        losses["loss_markers"] = self.marker_loss(moved, positions[:, now + 1], (seen & labelled)[..., None])
        return losses

    def _draw_predicted(self, valid: Tensor) -> Tensor:
        """Draw the windows that show the forward-dynamics net what was predicted, bool [B, K, 1]."""
        share = PREDICTED_SHARE if self.training and training_progress() >= TRUE_ONLY_SHARE else 0.0
        return torch.rand(valid[..., :1].shape, device=valid.device) < share

    def _force_targets(
        self, codec: Standardizer, samples: Sequence[TorqueSample], like: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return forces [B, K, 2, 2, 3] standardised, contacts [B, K, 2, 2] and where they are known [B, K, 2]."""
        predictions = like.shape[1]

        def now_and_next(key: str) -> Tensor:
            values = stack(samples, key)
            first = self.target_index
            return torch.stack([values[:, at : at + predictions] for at in (first, first + 1)], dim=2)

        per_kg = now_and_next("gt_grf") / mass_of(samples, like)[:, None, None, None, None]
        return codec.standardise(per_kg), now_and_next("gt_contact"), now_and_next("gt_grf_valid")

    def predict(self, inputs: Inputs, data_samples: Sequence[TorqueSample]) -> Sequence[TorqueSample]:
        """Add pred_torques [K, Q] N·m and, with ground forces, pred_grf [K, 2, 3] N and pred_contact [K, 2]."""
        output = self.tensor(inputs)
        self.add_torques(output, data_samples)
        if self.grf_codec is not None and output.grf is not None and output.contact is not None:
            mass = mass_of(data_samples, output.grf)[:, None, None, None]
            forces = self.grf_codec.restore(output.grf[:, :, 0]) * mass
            for sample, force, contact in zip(data_samples, forces, output.contact[:, :, 0] > 0):
                sample.pred_grf = force
                sample.pred_contact = contact
        return data_samples
