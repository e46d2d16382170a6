"""A backbone of timm, by its name there."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.models.backbones.weights import WEIGHT_FILES, read_state_dict
from vidzoo.registry import MODELS


def _timm() -> ModuleType:
    try:
        import timm
    except ImportError:
        raise ConfigError("TimmBackbone needs the package timm; install it with pip install 'vidzoo[timm]'.") from None
    return timm


@MODELS.register_module()
class TimmBackbone(nn.Module):
    """Turn images [N, 3, S, S] into the maps of the chosen stages of a network of timm, a tuple of [N, C, h, w].

    As with :class:`ResNet`, weights wait for :meth:`init_weights`.

    Args:
        name: timm's, without a tag, such as 'convnext_atto' or 'vit_small_patch16_dinov3'.
        out_indices: the stages returned, as timm counts them; negative ones from the end.
        weights: None; one of timm's tags for this network such as 'd2_in1k', downloaded once and cached; or the path
            of a state dict with timm's names (.pth, .pt or .safetensors; a classifier in it is ignored).
        options: further arguments of ``timm.create_model``, such as img_size=S, which most transformers need.

    Raises:
        ConfigError: timm is not installed, has no such network, or cannot build it so.
    """

    def __init__(
        self,
        name: str,
        out_indices: Sequence[int] = (-1,),
        weights: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        timm = _timm()
        known = timm.list_models()
        if name not in known:
            near = difflib.get_close_matches(name.split(".")[0], known) or ["resnet18", "convnext_atto"]
            raise ConfigError(
                f"TimmBackbone: timm has no network '{name}' (a tag belongs into weights); try {', '.join(near)}."
            )
        self.name = name
        self.out_indices = tuple(out_indices)
        self.weights = weights
        self.options = dict(options or {})
        try:
            self.net = self._create()
        except (AssertionError, AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise ConfigError(
                f"TimmBackbone: timm cannot build {name} with out_indices={self.out_indices} and "
                f"options={self.options}: {error or type(error).__name__}."
            ) from error
        self._is_channels_last = getattr(self.net, "output_fmt", "NCHW") == "NHWC"

    def _create(self, tag: str = "", **arguments: Any) -> nn.Module:
        name = f"{self.name}.{tag}" if tag else self.name
        return _timm().create_model(
            name, features_only=True, out_indices=self.out_indices, **{**self.options, **arguments}
        )

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of ``out_indices`` for images [N, 3, S, S]."""
        maps = self.net(images)
        return tuple(m.permute(0, 3, 1, 2) for m in maps) if self._is_channels_last else tuple(maps)

    def init_weights(self) -> None:
        """Load ``weights``, if any, as timm does: position codes of another image size are interpolated.

        Raises:
            ConfigError: no such tag or file, or the download failed.
            CheckpointError: the file holds no state dict of this network.
        """
        if self.weights is None:
            return
        if self.weights.endswith(WEIGHT_FILES):
            source = self._create_from_file(Path(self.weights))
        else:
            source = self._download(self.weights)
        self.net.load_state_dict(source.state_dict())

    def _download(self, tag: str) -> nn.Module:
        tags = [name.partition(".")[2] for name in _timm().list_pretrained(f"{self.name}.*")]
        if tag not in tags:
            raise ConfigError(
                f"TimmBackbone: weights='{tag}' is no tag of {self.name}; choose {', '.join(tags) or 'None'}, or the "
                f"path of a {', '.join(WEIGHT_FILES)} file."
            )
        try:
            return self._create(tag, pretrained=True)
        except (OSError, RuntimeError) as error:  # no network; a hash that does not fit
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise ConfigError(
                f"TimmBackbone: could not download {self.name}.{tag} ({reason}); fetch it elsewhere and set "
                f"backbone.weights to the file's path, or to None for random weights."
            ) from None

    def _create_from_file(self, path: Path) -> nn.Module:
        state = read_state_dict(path)
        # timm passes over names that do not fit; a file of another network must not pass for this one.
        whole = _timm().create_model(self.name, **self.options)
        classifier = whole.pretrained_cfg.get("classifier") or ()
        heads = tuple(f"{name}." for name in ([classifier] if isinstance(classifier, str) else classifier))
        expected, given = ({n for n in names if not n.startswith(heads)} for names in (whole.state_dict(), state))
        odd = sorted(expected ^ given)
        try:
            if odd:
                raise RuntimeError(f"{'lacks' if odd[0] in expected else 'has besides'} {odd[0]}")
            return self._create(pretrained=True, pretrained_cfg_overlay={"state_dict": state})
        except RuntimeError as error:
            reason = str(error).split("\n\t")[-1].strip()[:200]
            raise CheckpointError(
                f"{path}: holds no weights of timm's {self.name} ({reason}); give the file of that network, or name "
                f"the network that fits the file."
            ) from None
