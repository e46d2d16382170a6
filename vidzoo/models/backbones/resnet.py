"""A ResNet of torchvision without its classifier."""

from __future__ import annotations

from collections.abc import Sequence

import torchvision
from torch import Tensor, nn

from vidzoo.errors import ConfigError
from vidzoo.models.backbones.weights import load_part, torchvision_state_dict
from vidzoo.registry import MODELS

DEPTHS = (18, 34, 50, 101, 152)
STAGES = ("layer1", "layer2", "layer3", "layer4")


@MODELS.register_module()
class ResNet(nn.Module):
    """Turn images [N, 3, H, W] into the maps of the chosen stages, a tuple of [N, C, H / stride, W / stride].

    A model is built with random weights; :meth:`init_weights` (called by MMEngine's Runner before training, and by
    nothing else) fetches ``weights``. Testing a checkpoint therefore needs neither the file nor the network.

    Args:
        depth: 18, 34, 50, 101 or 152.
        weights: None; a name of torchvision's such as 'IMAGENET1K_V2', downloaded once and cached; or the path of a
            state dict with torchvision's names (.pth, .pt or .safetensors; what is not built is ignored).
        out_indices: the stages returned, of 0 to 3; strides are 4, 8, 16, 32. Stages after the last are not built.
        norm_eval: keep every batch norm on its stored statistics; its scale and shift still train.

    Raises:
        ConfigError: an argument is out of its range.

    Source: He et al. 2016, Deep residual learning for image recognition; VID paper, Fig. 2 (depth 101).
    """

    def __init__(
        self,
        depth: int,
        weights: str | None = None,
        out_indices: Sequence[int] = (3,),
        norm_eval: bool = False,
    ) -> None:
        super().__init__()
        if depth not in DEPTHS:
            raise ConfigError(f"ResNet: depth={depth} does not exist; choose one of {', '.join(map(str, DEPTHS))}.")
        if not out_indices or not set(out_indices) <= {0, 1, 2, 3}:
            raise ConfigError(f"ResNet: out_indices={tuple(out_indices)} must be stages of 0 to 3, at least one.")
        self.depth = depth
        self.weights = weights
        self.out_indices = tuple(out_indices)
        self.norm_eval = norm_eval
        net = getattr(torchvision.models, f"resnet{depth}")(weights=None)
        self._whole = frozenset(net.state_dict())
        self.conv1, self.bn1, self.relu, self.maxpool = net.conv1, net.bn1, net.relu, net.maxpool
        for stage in STAGES[: max(out_indices) + 1]:  # torchvision's names, so that its weights can be loaded
            self.add_module(stage, getattr(net, stage))

    @property
    def _stages(self) -> list[nn.Module]:
        return [getattr(self, stage) for stage in STAGES[: max(self.out_indices) + 1]]

    def train(self, mode: bool = True) -> ResNet:
        """Switch to training; with ``norm_eval`` the batch norms stay in evaluation."""
        super().train(mode)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of ``out_indices`` for images [N, 3, H, W]."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = []
        for index, stage in enumerate(self._stages):
            x = stage(x)
            if index in self.out_indices:
                maps.append(x)
        return tuple(maps)

    def init_weights(self) -> None:
        """Load ``weights``, if any.

        Raises:
            ConfigError: no such name or file, or the download failed.
            CheckpointError: the file holds no state dict of this network.
        """
        if self.weights is not None:
            network = f"resnet{self.depth}"
            state = torchvision_state_dict(network, self.weights)
            load_part(self, state, self._whole, f"torchvision's {network}", self.weights)
