"""A backbone of torchvision other than ResNet: ConvNeXt, Swin, ViT, EfficientNet, ..."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import SwinTransformer, VisionTransformer
from torchvision.models.vision_transformer import interpolate_embeddings

from vidzoo.errors import ConfigError
from vidzoo.models.backbones.weights import load_part, torchvision_state_dict
from vidzoo.registry import MODELS

_PROBE_SIZE = 256


@MODELS.register_module()
class TorchvisionBackbone(nn.Module):
    """Turn images [N, 3, S, S] into the deepest maps of the chosen strides, a tuple of [N, C, S / stride, S / stride].

    Takes the classifiers that are a list of ``features`` (ConvNeXt, Swin, EfficientNet, MobileNet, DenseNet, VGG) and
    the Vision Transformers, whose one map is the encoder's patch tokens. Layers after the last map are not built. As
    with :class:`ResNet`, weights wait for :meth:`init_weights`.

    Args:
        name: torchvision's, such as 'convnext_tiny', 'swin_t' or 'vit_b_16'.
        strides: pixels per cell of the maps returned, in rising order; ConvNeXt and Swin have 4, 8, 16 and 32.
        weights: None; a name of torchvision's such as 'IMAGENET1K_V1', downloaded once and cached; or the path of a
            state dict with torchvision's names (.pth, .pt or .safetensors; what is not built is ignored).
        image_size: S, for a Vision Transformer alone: its position code is made for it, and weights made for another
            size are interpolated. The other networks take any size.

    Raises:
        ConfigError: torchvision has no such network, or the network no such map.
    """

    def __init__(
        self, name: str, strides: Sequence[int] = (32,), weights: str | None = None, image_size: int | None = None
    ) -> None:
        super().__init__()
        known = torchvision.models.list_models(module=torchvision.models)
        if name not in known:
            near = difflib.get_close_matches(name, known) or ["convnext_tiny", "swin_t", "vit_b_16"]
            raise ConfigError(f"TorchvisionBackbone: torchvision has no network '{name}'; try {', '.join(near)}.")
        if name.startswith("vit_") == (image_size is None):
            raise ConfigError(
                f"TorchvisionBackbone: image_size={image_size} with {name}; a Vision Transformer needs the side of "
                f"the images in pixels, and no other network takes it."
            )
        self.name = name
        self.strides = tuple(strides)
        self.weights = weights
        size = {} if image_size is None else {"image_size": image_size}
        net = torchvision.models.get_model(name, weights=None, **size)
        self._whole = frozenset(net.state_dict())
        # The parts keep torchvision's names, so that its weights fit.
        if isinstance(net, VisionTransformer):
            self._check_strides([net.patch_size])
            self.image_size = net.image_size
            self.conv_proj, self.class_token, self.encoder = net.conv_proj, net.class_token, net.encoder
        else:
            self._is_channels_last = isinstance(net, SwinTransformer)
            last = self._last_of_each_stride()
            self._check_strides(list(last))
            self._taps = [last[stride] for stride in self.strides]
            self.features = net.features[: self._taps[-1] + 1]

    def _last_of_each_stride(self) -> dict[int, int]:
        """Return by stride the index of the feature that gives its deepest map, found by shapes alone."""
        last = {}
        with torch.device("meta"):
            features = getattr(torchvision.models.get_model(self.name, weights=None), "features", None)
            if not isinstance(features, nn.Sequential):
                raise ConfigError(
                    f"TorchvisionBackbone: {self.name} is no list of features; use ResNet or TimmBackbone instead."
                )
            x = torch.empty(1, 3, _PROBE_SIZE, _PROBE_SIZE)
            for index, layer in enumerate(features.eval()):
                x = layer(x)
                last[_PROBE_SIZE // x.shape[1 if self._is_channels_last else 2]] = index
        return last

    def _check_strides(self, there: list[int]) -> None:
        if not self.strides or list(self.strides) != sorted(set(self.strides) & set(there)):
            raise ConfigError(
                f"TorchvisionBackbone: strides={self.strides} must be of {self.name}'s "
                f"{', '.join(map(str, there))}, in rising order and at least one."
            )

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of ``strides`` for images [N, 3, S, S]."""
        if hasattr(self, "encoder"):
            return (self._encode_patches(images),)
        maps = []
        x = images
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self._taps:
                maps.append(x.permute(0, 3, 1, 2) if self._is_channels_last else x)
        return tuple(maps)

    def _encode_patches(self, images: Tensor) -> Tensor:
        if images.shape[2:] != (self.image_size, self.image_size):
            raise ConfigError(
                f"TorchvisionBackbone: image_size={self.image_size}, but the images are "
                f"{images.shape[2]} x {images.shape[3]}; let both be the same."
            )
        grid = self.conv_proj(images)
        patches = grid.flatten(2).transpose(1, 2)
        tokens = self.encoder(torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1))
        return tokens[:, 1:].transpose(1, 2).unflatten(2, grid.shape[2:])

    def init_weights(self) -> None:
        """Load ``weights``, if any.

        Raises:
            ConfigError: no such name or file, or the download failed.
            CheckpointError: the file holds no state dict of this network.
        """
        if self.weights is None:
            return
        state = torchvision_state_dict(self.name, self.weights)
        position = "encoder.pos_embedding"
        if hasattr(self, "encoder") and position in state:
            patch = self.conv_proj.stride[0]
            state[position] = interpolate_embeddings(self.image_size, patch, {position: state[position]})[position]
        load_part(self, state, self._whole, f"torchvision's {self.name}", self.weights)
