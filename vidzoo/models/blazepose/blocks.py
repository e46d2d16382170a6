"""The parts that BlazePose's networks are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

STEM_CHANNELS = 24
KERNELS = ((3, 3), (5, 5), (3, 3, 3, 5, 5, 5), (5, 5, 5, 5))
"""The depthwise kernel of each block of the four stages; the first block of a stage halves the map."""
WIDER_AT = 3
"""The block of the third stage from which on it has the wider of its two numbers of channels."""


def conv(in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size of a map, or halves it."""
    return nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2)


def depthwise(channels: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """Return a convolution of each channel by itself that keeps the size of a map, or halves it."""
    return nn.Conv2d(channels, channels, kernel, stride, padding=kernel // 2, groups=channels)


def relu6(x: Tensor) -> Tensor:
    """Clip to [0, 6] in place."""
    return F.relu6(x, inplace=True)


def double(x: Tensor) -> Tensor:
    """Return a map [N, C, h, w] at twice the size, [N, C, 2 h, 2 w], interpolated linearly between cell centres."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def depth_to_space(x: Tensor) -> Tensor:
    """Return [N, C / 4, 2 h, 2 w] of [N, C, h, w]: a quarter of the channels for each of four cells.

    This is TensorFlow's order of channels; in :func:`torch.pixel_shuffle` the four cells vary fastest.
    """
    return F.pixel_shuffle(x.unflatten(1, (4, -1)).transpose(1, 2).flatten(1, 2), 2)


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, narrow; the input is added where the shape stays. [N, C, h, w] to [N, C', h', w'].

    Source: Sandler et al. 2018, MobileNetV2.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = expansion * in_channels
        self.expand = conv(in_channels, wide)
        self.depthwise = depthwise(wide, kernel, stride)
        self.project = conv(wide, out_channels)
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the map of the block."""
        y = self.project(relu6(self.depthwise(relu6(self.expand(x)))))
        return y + x if self.adds else y


class BlazeBlock(nn.Module):
    """Convolve each channel, then mix them; the input is added where C' = C. [N, C, h, w] to [N, C', h', w'].

    With ``stride`` 2 the map is halved, its input by max pooling, and the convolution sees one row and column of zeros
    below and to the right and none above and to the left: TensorFlow's padding 'SAME' of an even size.

    Args:
        in_channels: C.
        out_channels: C'.
        stride: 1 or 2.
        clip_depthwise: clip between the two convolutions too.

    Source: Bazarevsky et al. 2019, BlazeFace.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, clip_depthwise: bool = True) -> None:
        super().__init__()
        self.stride = stride
        self.adds = in_channels == out_channels
        self.clip_depthwise = clip_depthwise
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, 3, stride, padding=1 if stride == 1 else 0, groups=in_channels
        )
        self.pointwise = conv(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the map of the block."""
        y = self.depthwise(x if self.stride == 1 else F.pad(x, (0, 1, 0, 1)))
        y = self.pointwise(relu6(y) if self.clip_depthwise else y)
        if self.adds:
            y = y + (x if self.stride == 1 else F.max_pool2d(x, 2))
        return relu6(y)


class Pyramid(nn.Module):
    """Bring the trunk's maps at strides 4, 8, 16 and 32 together at stride 4, [N, C, h, w].

    Args:
        middle: channels of the maps at strides 4, 8 and 16.
        top: channels of the map at stride 32.
        channels: C.

    Source: Lin et al. 2017, Feature pyramid networks.
    """

    def __init__(self, middle: Sequence[int], top: int, channels: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(BlazeBlock(width, channels) for width in middle)
        self.top = BlazeBlock(top, channels)

    def forward(self, middle: Sequence[Tensor], top: Tensor) -> Tensor:
        """Return the map."""
        x = self.top(top)
        for lateral, finer in zip(reversed(self.laterals), reversed(middle)):
            x = double(x) + lateral(finer)
        return x


class Trunk(nn.Module):
    """Turn images [N, 3, S, S] into five maps at strides 2, 4, 8, 16 and 32.

    The three graphs have the same trunk but for the numbers of channels. The last map has 6 times the channels of the
    last stage.

    Args:
        widths: channels of the stem's output and of the stages; the third stage has two.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        first, second, third, fourth, wider, last = widths
        self.channels = (first, second, third, wider, 6 * last)
        """Of the five maps."""
        self.stem = conv(3, STEM_CHANNELS, 3, stride=2)
        self.stem_depthwise = depthwise(STEM_CHANNELS)
        self.stem_project = conv(STEM_CHANNELS, first)
        self.stages = nn.ModuleList()
        channels = first
        for stage, (kernels, width) in enumerate(zip(KERNELS, (second, third, fourth, last))):
            blocks = nn.Sequential()
            for index, kernel in enumerate(kernels):
                out = wider if stage == 2 and index >= WIDER_AT else width
                stride, expansion = (2 if index == 0 else 1), (4 if stage == index == 0 else 6)
                blocks.append(InvertedResidual(channels, out, kernel, stride, expansion))
                channels = out
            self.stages.append(blocks)
        self.expand = conv(last, 6 * last)
        self.depthwise = depthwise(6 * last)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the maps [N, C, S / stride, S / stride] at strides 2, 4, 8, 16 and 32."""
        maps = [self.stem_project(relu6(self.stem_depthwise(relu6(self.stem(images)))))]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        maps[-1] = relu6(self.depthwise(relu6(self.expand(maps[-1]))))
        return tuple(maps)

    def convolutions(self, taps: Mapping[int, nn.Module]) -> list[nn.Conv2d]:
        """Return the convolutions in the order of the graph files.

        Args:
            taps: index of a stage -> the module that reads its input map, which the files compute after the widening
                of the stage's first block.
        """
        order = [self.stem, self.stem_depthwise, self.stem_project]
        for stage, blocks in enumerate(self.stages):
            expand, *others = convolutions(blocks)
            order += [expand, *(convolutions(taps[stage]) if stage in taps else []), *others]
        return [*order, self.expand, self.depthwise]


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    """Return the convolutions of a module in the order of their construction."""
    return [part for part in module.modules() if isinstance(part, nn.Conv2d)]
