"""What every torque estimator shares: MMEngine's three modes, N·m in and out, statistics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from numpy.typing import ArrayLike
from torch import Tensor, nn

from vidzoo.errors import ConfigError
from vidzoo.models.codecs.torque_codec import TorqueCodec
from vidzoo.registry import MODELS
from vidzoo.structures import Inputs, Mode, TorqueSample
from vidzoo.task import TaskSpec


class Output(Protocol):
    """The raw result of a network: a named tuple of tensors that has at least this field."""

    @property
    def torques(self) -> Tensor:
        """[B, K, Q], standardised."""


STAND_INS = {"frames": "image_features"}
"""Input -> what can take its place in a model that has computed it before."""

OutputT = TypeVar("OutputT", bound=Output)


@runtime_checkable
class TakesStatistics(Protocol):
    """A module that learns something from the training subset before the training; it keeps it in its buffers."""

    key: str
    """Of its statistics in the dict that an estimator's ``set_statistics`` takes."""

    @property
    def shape(self) -> torch.Size:
        """Of each of the two arrays that it takes."""

    def set_statistics(self, mean: ArrayLike, std: ArrayLike, /) -> None:
        """Take over the two arrays of that key: mostly a mean and a standard deviation."""


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

    A subclass names ``requires``, sets ``window`` and what else of its ``task`` is not the default below, and writes
    :meth:`tensor`; where it predicts more than torques it extends :meth:`loss` and :meth:`predict`.

    Args:
        torque_codec: a :class:`TorqueCodec` or its config.
        torque_loss: called as loss(prediction, target, valid) on standardised [B, K, Q], or its config.
        data_preprocessor: config or module; MMEngine's default only moves data to the device.
    """

    requires: tuple[str, ...] = ()
    """The modalities (task.MODALITIES) that ``inputs`` must hold."""
    window: int
    """T, the frames that one prediction sees; set by the subclass."""
    target_index: int | None = None
    """Which of them is predicted; None: the centre."""
    marker_frame: str | None = None
    """Axes of the markers that it learns, 'camera' or 'ground'; None: it learns none."""
    image_size: int | None = None
    """S, side in pixels of the images that it sees."""
    rate_hz: float | None = None
    """Frames per second of the data that it was trained on; set by the runner."""

    def __init__(self, torque_codec: Any, torque_loss: Any, data_preprocessor: Any = None) -> None:
        if data_preprocessor is not None:
            data_preprocessor = build_part(data_preprocessor, "data_preprocessor")
        super().__init__(data_preprocessor)
        self.torque_codec: TorqueCodec = build_part(torque_codec, "torque_codec")
        self.torque_loss: nn.Module = build_part(torque_loss, "torque_loss")

    @property
    def task(self) -> TaskSpec:
        """What the network takes and predicts."""
        return TaskSpec(
            requires=self.requires,
            window=self.window,
            target_index=self.window // 2 if self.target_index is None else self.target_index,
            torques=self.torque_codec.torques,
            marker_frame=self.marker_frame,
            image_size=self.image_size,
            rate_hz=self.rate_hz,
        )

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
        missing = [name for name in self.requires if name not in inputs and STAND_INS.get(name) not in inputs]
        if missing:
            raise ConfigError(
                f"{type(self).__name__} needs inputs {', '.join(missing)}, but the batch holds "
                f"{', '.join(sorted(inputs)) or 'nothing'}; have the dataset read them."
            )
        if mode == "tensor":
            return self.tensor(inputs)
        if data_samples is None:
            raise ConfigError(f"mode='{mode}' needs data_samples: the labels, or the mass of each subject.")
        return self.loss(inputs, data_samples) if mode == "loss" else self.predict(inputs, data_samples)

    def loss(self, inputs: Inputs, data_samples: Sequence[TorqueSample]) -> dict[str, Tensor]:
        """Return the losses by name against gt_torques [K, Q] N·m where ``valid``."""
        return self.torque_losses(self.tensor(inputs), data_samples)

    def predict(self, inputs: Inputs, data_samples: Sequence[TorqueSample]) -> Sequence[TorqueSample]:
        """Add pred_torques [K, Q] N·m to each sample and return the samples."""
        return self.add_torques(self.tensor(inputs), data_samples)

    @torch.no_grad()
    def estimate(self, inputs: Inputs, mass: Tensor) -> Tensor:
        """Return torques [B, K, Q] in N·m, in the order of ``task.torques``; the model should be in evaluation mode.

        Args:
            inputs: the modalities in ``requires``, raw, B clips of L frames at ``task.rate_hz``; K = L - window + 1.
            mass: [B] kg.

        Raises:
            ConfigError: an input is missing.
        """
        data = self.data_preprocessor({"inputs": inputs, "mass": mass}, False)
        return self.torque_codec.decode(self(data["inputs"]).torques, data["mass"])

    def torque_losses(self, output: OutputT, data_samples: Sequence[TorqueSample]) -> dict[str, Tensor]:
        """Return loss_torque of a raw result.

        Raises:
            ConfigError: the labels are not of as many frames or torques.
        """
        torques = stack(data_samples, "gt_torques")
        if torques.shape != output.torques.shape:
            raise ConfigError(
                f"{type(self).__name__} predicts torques {list(output.torques.shape)} (clips, frames, torques), the "
                f"dataset labels {list(torques.shape)}; let both have the same window and torques."
            )
        target = self.torque_codec.encode(torques, mass_of(data_samples, torques))
        return {"loss_torque": self.torque_loss(output.torques, target, stack(data_samples, "valid"))}

    def add_torques(self, output: OutputT, data_samples: Sequence[TorqueSample]) -> Sequence[TorqueSample]:
        """Add pred_torques [K, Q] N·m of a raw result to each sample and return the samples."""
        torques = self.torque_codec.decode(output.torques, mass_of(data_samples, output.torques))
        for sample, own in zip(data_samples, torques):
            sample.pred_torques = own
        return data_samples

    def set_statistics(self, statistics: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> None:
        """Take over what the network needs to know of the training subset, above all means and standard deviations.

        Args:
            statistics: 'torques_per_kg': ([Q], [Q]) N·m/kg, 'markers': ([M, 3], [M, 3]) m, ...; those that this
                network does not use are passed over.

        Raises:
            ConfigError: one that it uses is missing or has another shape.
        """
        for codec in (module for module in self.modules() if isinstance(module, TakesStatistics)):
            if codec.key not in statistics:
                raise ConfigError(
                    f"{type(self).__name__} needs statistics of '{codec.key}', but the training set gives those of "
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
