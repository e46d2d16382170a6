"""The spatial probabilistic model: deconvolutions up to a volume of logits per joint."""

from __future__ import annotations

from torch import Tensor, nn

from vidzoo.models.heatmap_heads.maps import last_map
from vidzoo.registry import MODELS


@MODELS.register_module()
class DeconvHead(nn.Module):
    """Turn a map [N, C, h, w] into volume logits [N, J, D, 2^n h, 2^n w], n = ``num_layers``.

    Args:
        in_channels: C, 2048 behind ResNet-50 and deeper, 512 behind ResNet-18 and -34.
        num_joints: J.
        depth_bins: D.
        channels: width of every deconvolution.
        num_layers: n, the number of deconvolutions, each doubling the resolution.
        final_std: of the initial weights of the last convolution. PoseNet's 0.001 makes the first heatmaps flat, which
            small images and a random backbone are slow to leave.

    Raises:
        ConfigError: a map of other than C channels.

    Source: VID paper, section 4, spatial probabilistic model; layers and initialisation of PoseNet's head, Moon et
    al. 2019, Camera distance-aware top-down approach for 3D multi-person pose estimation from a single RGB image.
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
        layers: list[nn.Module] = []
        for index in range(num_layers):
            layers += [
                nn.ConvTranspose2d(
                    in_channels if index == 0 else channels, channels, 4, stride=2, padding=1, bias=False
                ),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            ]
        self.deconv = nn.Sequential(*layers)
        self.final = nn.Conv2d(channels if num_layers else in_channels, num_joints * depth_bins, 1)
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d | nn.Conv2d):
                nn.init.normal_(module.weight, std=final_std if module is self.final else 0.001)
        nn.init.zeros_(self.final.bias)  # type: ignore[arg-type]

    def forward(self, maps: tuple[Tensor, ...]) -> Tensor:
        """Return volume logits [N, J, D, h, w] for the backbone's maps, of which the last is used."""
        features = self.deconv(last_map(maps, self.in_channels, "DeconvHead"))
        # A view in either memory format: splitting a dimension never moves data.
        return self.final(features).unflatten(1, (self.num_joints, self.depth_bins))
