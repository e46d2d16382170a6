"""What every torque estimator shares: MMEngine's three modes, N·m in and out, statistics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from numpy.typing import ArrayLike
from torch import Tensor, nn

from vidzoo.errors import ConfigError
from vidzoo.models.codecs.torque_codec import Standardizer, TorqueCodec
from vidzoo.registry import MODELS
from vidzoo.structures import Inputs, Mode, TorqueSample


class Output(Protocol):
    """The raw result of a network: a named tuple of tensors that has at least this field."""

    @property
    def torques(self) -> Tensor:
        """[B, K, Q], standardised."""


OutputT = TypeVar("OutputT", bound=Output)


def build_part(part: Any, slot: str) -> Any:
    """Return ``part``, built from MODELS if it is a config.

    Raises:
        ConfigError: neither config nor module, an unknown type, or an argument that the type does not take.
    """
    if isinstance(part, nn.Module):
        return part
    if not isinstance(part, Mapping) or "type" not in part:
        raise ConfigError(f"{slot}={part!r} must be a config such as dict(type='...'), or a module.")
    try:
        return MODELS.build(part)
    except TypeError as error:
        raise ConfigError(f"{slot}=dict(type='{part['type']}', ...) cannot be built: {error}.") from error


class TorqueEstimator(BaseModel, Generic[OutputT]):
    """A network from the modalities in ``requires`` to torques.

    A subclass names ``requires`` and writes :meth:`tensor`; where it predicts more than torques it extends
    :meth:`losses` and :meth:`attach`.

    Args:
        torque_codec: a :class:`TorqueCodec` or its config.
        torque_loss: called as loss(prediction, target, valid) on standardised [B, K, Q], or its config.
        data_preprocessor: config or module; MMEngine's default only moves data to the device.
    """

    requires: tuple[str, ...] = ()
    """The modalities (structures.MODALITIES) that ``inputs`` must hold."""
    window: int
    """T, the frames that one prediction sees; set by the subclass."""

    def __init__(self, torque_codec: Any, torque_loss: Any, data_preprocessor: Any = None) -> None:
        if data_preprocessor is not None:
            data_preprocessor = build_part(data_preprocessor, "data_preprocessor")
        super().__init__(data_preprocessor)
        self.torque_codec: TorqueCodec = build_part(torque_codec, "torque_codec")
        self.torque_loss: nn.Module = build_part(torque_loss, "torque_loss")

    @abstractmethod
    def tensor(self, inputs: Inputs) -> OutputT:
        """Return the raw, standardised result; nothing else changes, so that it can be exported and counted."""

    def forward(  # type: ignore[override]
        self, inputs: Inputs, data_samples: Sequence[TorqueSample] | None = None, mode: Mode = "tensor"
    ) -> OutputT | dict[str, Tensor] | Sequence[TorqueSample]:
        """Return the raw result, the losses by name, or ``data_samples`` with predictions added.

        Raises:
            ConfigError: an unknown mode, no samples where they are needed, or inputs that ``requires`` names missing.
        """
        if mode not in ("tensor", "loss", "predict"):
            raise ConfigError(f"mode='{mode}' must be 'tensor', 'loss' or 'predict'.")
        missing = [name for name in self.requires if name not in inputs]
        if missing:
            raise ConfigError(
                f"{type(self).__name__} needs inputs {', '.join(missing)}, but the batch holds "
                f"{', '.join(sorted(inputs)) or 'nothing'}; have the dataset read them."
            )
        output = self.tensor(inputs)
        if mode == "tensor":
            return output
        if data_samples is None:
            raise ConfigError(f"mode='{mode}' needs data_samples: the labels, or the mass of each subject.")
        return self.losses(output, data_samples) if mode == "loss" else self.attach(output, data_samples)

    def losses(self, output: OutputT, samples: Sequence[TorqueSample]) -> dict[str, Tensor]:
        """Return the losses by name against gt_torques [K, Q] N·m where ``valid``."""
        torques = stack(samples, "gt_torques")
        if torques.shape != output.torques.shape:
            raise ConfigError(
                f"{type(self).__name__} predicts torques {list(output.torques.shape)} (clips, centre frames, joints), "
                f"the dataset labels {list(torques.shape)}; let both have the same window and joints."
            )
        target = self.torque_codec.encode(torques, mass_of(samples, torques))
        return {"loss_torque": self.torque_loss(output.torques, target, stack(samples, "valid"))}

    def attach(self, output: OutputT, samples: Sequence[TorqueSample]) -> Sequence[TorqueSample]:
        """Add pred_torques [K, Q] N·m to each sample and return the samples."""
        for sample, torques in zip(samples, self.torque_codec.decode(output.torques, mass_of(samples, output.torques))):
            sample.pred_torques = torques
        return samples

    def set_statistics(self, statistics: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> None:
        """Take over the training split's mean and standard deviation of every quantity that the network standardises.

        Args:
            statistics: 'torques_per_kg': ([Q], [Q]) N·m/kg, 'markers': ([M, 3], [M, 3]) m, ...; those that this
                network does not use are passed over.

        Raises:
            ConfigError: one that it uses is missing or has another shape.
        """
        for codec in (module for module in self.modules() if isinstance(module, Standardizer)):
            if codec.key not in statistics:
                raise ConfigError(
                    f"{type(self).__name__} standardises '{codec.key}', but the training set gives statistics of "
                    f"{', '.join(sorted(statistics)) or 'nothing'}; have the dataset read that target."
                )
            codec.set_statistics(*statistics[codec.key])


def stack(samples: Sequence[BaseDataElement], key: str) -> Tensor:
    """Return the samples' ``key`` as one tensor [B, ...].

    Raises:
        ConfigError: a sample has none.
    """
    missing = next((sample for sample in samples if key not in sample), None)
    if missing is not None:
        raise ConfigError(
            f"a sample ({missing.get('subject')}, {missing.get('trial')}) holds no {key}, which this model learns "
            f"from; have the dataset read it."
        )
    return torch.stack([getattr(sample, key) for sample in samples])


def mass_of(samples: Sequence[TorqueSample], like: Tensor) -> Tensor:
    """Return each subject's mass [B] in kg on the device of ``like``, in float32.

    Raises:
        ConfigError: a sample has none, or one that is no mass.
    """
    masses = [sample.get("mass") for sample in samples]
    bad = next((i for i, mass in enumerate(masses) if mass is None or not float(mass) > 0), None)
    if bad is not None:
        raise ConfigError(
            f"a sample ({samples[bad].get('subject')}, {samples[bad].get('trial')}) has mass={masses[bad]}; "
            f"its metainfo must hold the subject's mass in kg."
        )
    return torch.tensor([float(mass) for mass in masses], dtype=torch.float32).to(like.device)
