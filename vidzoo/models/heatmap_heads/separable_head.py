"""A light heatmap head: bilinear upsampling and depthwise separable convolutions up to a volume."""

from __future__ import annotations

from torch import Tensor, nn

from vidzoo.models.heatmap_heads.maps import last_map
from vidzoo.registry import MODELS


@MODELS.register_module()
class SeparableHead(nn.Module):
    """Turn a map [N, C, h, w] into volume logits [N, J, D, 2^n h, 2^n w], n = ``num_layers``, as :class:`DeconvHead`.

    A 1 x 1 convolution narrows the map; then each layer doubles it bilinearly and refines it by a depthwise 3 x 3 and
    a 1 x 1 convolution, each with batch norm and ReLU. Behind ResNet-101 and with the paper's sizes: 1.1 instead of
    10.8 million parameters, and, but for the last 1 x 1 convolution, 0.4 instead of 1.9 GMACs an image.

    Args:
        in_channels: C.
        num_joints: J.
        depth_bins: D.
        channels: width of every layer.
        num_layers: n.
        final_std: of the initial weights of the last convolution, see :class:`DeconvHead`.

    Raises:
        ConfigError: a map of other than C channels.

    Source: Howard et al. 2017, MobileNets, section 3.1 (the convolution).
    """

    def __init__(
        self,
        in_channels: int,
        num_joints: int = 21,
        depth_bins: int = 64,
        channels: int = 256,
        num_layers: int = 3,
        final_std: float = 0.001,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.num_joints = num_joints
        self.depth_bins = depth_bins

        def convolution(inputs: int, kernel: int, groups: int = 1) -> list[nn.Module]:
            conv = nn.Conv2d(inputs, channels, kernel, padding=kernel // 2, groups=groups, bias=False)
            return [conv, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]

        layers = convolution(in_channels, 1)
        for _ in range(num_layers):
            layers.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
            layers += [*convolution(channels, 3, groups=channels), *convolution(channels, 1)]
        self.layers = nn.Sequential(*layers)
        self.final = nn.Conv2d(channels, num_joints * depth_bins, 1)
        for module in self.layers:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.normal_(self.final.weight, std=final_std)
        nn.init.zeros_(self.final.bias)  # type: ignore[arg-type]

    def forward(self, maps: tuple[Tensor, ...]) -> Tensor:
        """Return volume logits [N, J, D, h, w] for the backbone's maps, of which the last is used."""
        features = self.layers(last_map(maps, self.in_channels, "SeparableHead"))
        return self.final(features).unflatten(1, (self.num_joints, self.depth_bins))
