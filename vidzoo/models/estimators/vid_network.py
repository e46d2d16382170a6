"""VID-Network: joint torques from images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vidzoo.errors import ConfigError
from vidzoo.models.codecs.torque_codec import MarkerCodec
from vidzoo.models.estimators.base import TorqueEstimator, build_part, stack
from vidzoo.models.estimators.shape_checks import build_temporal_head, describe, probe, probe_pose
from vidzoo.models.pose_decoders import (
    Pose,
    bin_coordinates,
    bin_features,
    coordinate_features,
    marginal_features,
)
from vidzoo.registry import MODELS
from vidzoo.structures import Inputs, TorqueSample

POOLED_BINS = 8
MAX_CELLS = 65_504
"""The largest number of mixed precision's float16; a feature of the volume may be as large as the volume has cells."""


class VIDOutput(NamedTuple):
    """Raw result of VID-Network for B clips of L frames."""

    torques: Tensor
    """[B, K, Q], standardised."""
    markers: Tensor | None
    """[B, L, M, 3], standardised; None without a marker regressor."""
    pose: Tensor
    """[B, L, J, 3] in heatmap bins."""


class ImageFeatures(NamedTuple):
    """What the parts that see images say of N of them, before the parts that see time and markers."""

    spatial: Tensor
    """[N, S]: spatial probabilistic features."""
    coordinates: Tensor
    """[N, J, 3] x, y, z of the pose in [-1, 1]."""
    pose: Pose | None
    """None where the features were read from a file."""


class ImageResult(NamedTuple):
    """What VID-Network knows of N images before it looks at time."""

    tokens: Tensor
    """[N, F]: spatial probabilistic features and markers."""
    markers: Tensor | None
    """[N, M, 3], standardised."""
    pose: Tensor
    """[N, J, 3] in heatmap bins."""


def pooled_features(pose: Pose) -> Tensor:
    """Return [N, J 8^3]: the probability that falls into each cell of an 8 x 8 x 8 grid."""
    volume = _volume(pose)
    if any(bins % POOLED_BINS for bins in volume.shape[2:]):
        raise ConfigError(
            f"spf_mode='pooled8' needs a volume that 8 divides, but it is {' x '.join(map(str, volume.shape[2:]))}; "
            f"choose another image_size or depth_bins."
        )
    for dim in (4, 3, 2):
        volume = volume.unflatten(dim, (POOLED_BINS, -1))
    return bin_features(volume.sum((3, 5, 7)), POOLED_BINS**3).flatten(1)


def volume_features(pose: Pose) -> Tensor:
    """Return [N, J D h w]: every probability of the volume."""
    volume = _volume(pose)
    cells = volume[0, 0].numel()
    if cells > MAX_CELLS:
        size = " x ".join(map(str, volume.shape[2:]))
        raise ConfigError(
            f"spf_mode='full' takes volumes of at most {MAX_CELLS:,} cells, but {size} are {cells:,}; choose "
            f"'marginals' or 'pooled8', or a smaller image_size or depth_bins."
        )
    return bin_features(volume, cells).flatten(1)


def _volume(pose: Pose) -> Tensor:
    if pose.probabilities is None:
        raise ConfigError("spf_mode 'pooled8' and 'full' need a pose decoder that keeps the volume it is asked for.")
    return pose.probabilities


SPF_MODES = {
    "marginals": marginal_features,
    "coords": coordinate_features,
    "pooled8": pooled_features,
    "full": volume_features,
}


@MODELS.register_module()
class VIDNetwork(TorqueEstimator[VIDOutput]):
    """Estimate torques from the ``frames`` of clips: image by image to pose and markers, then over time to torques.

    Every image goes through backbone, heatmap head, pose decoder and marker regressor once: frames for which
    ``inputs['frame_is_new']`` is False take over the result of the frame before. (In training, batch norm then counts
    each image once; with stored statistics the numbers are those of the full computation.)

    Where backbone and heatmap head are frozen (they say ``frozen``, and their output then depends on the image alone),
    ``inputs['image_features']`` can take the images' place: what :meth:`image_features` gave for them.

    Each part is a config or a module.

    Args:
        backbone: images [N, 3, S, S] to a tuple of maps.
        heatmap_head: maps to volume logits [N, J, D, h, w], or to :class:`AxisLogits`.
        pose_decoder: logits to a :class:`Pose`; gets ``keep_volume``, True, only where ``spf_mode`` needs the volume.
        marker_regressor: pose [N, J, 3] in [-1, 1], or the whole :class:`Pose` where its attribute ``takes_pose`` is
            True, to standardised markers [N, M, 3]; None leaves markers out of loss and tokens (the paper's Table 5,
            "marker regressor off").
        temporal_head: tokens [B, L, F] to standardised torques [B, K, Q]; a config's type takes F as ``in_features``,
            and the config or the head says what its ``window`` is.
        torque_codec: N·m to standardised N·m/kg and back.
        torque_loss: loss(prediction, target, valid).
        marker_codec: m to standardised and back; needed with a marker regressor.
        marker_loss: as ``torque_loss``; needed with a marker regressor.
        spf_mode: what of the pose enters the tokens: 'marginals', 'coords', 'pooled8' or 'full'. As written in the
            paper ('full') a 64 x 64 x 64 volume would need a projection of 705 million parameters, and its numbers
            overflow mixed precision; 'full' is for volumes of at most ``MAX_CELLS``.
        image_size: S, the side of the images in pixels.
        data_preprocessor: see :class:`ClipPreprocessor`.

    Raises:
        ConfigError: a part does not fit the one before it; found at construction, by shapes alone.

    Source: VID paper, section 4 and Fig. 2. Spatial probabilistic features are probabilities, scaled by
    :func:`bin_features`; markers enter the tokens standardised.
    """

    requires = ("frames",)
    image_size: int

    def __init__(
        self,
        backbone: Any,
        heatmap_head: Any,
        pose_decoder: Any,
        marker_regressor: Any,
        temporal_head: Any,
        torque_codec: Any,
        torque_loss: Any,
        marker_codec: Any = None,
        marker_loss: Any = None,
        spf_mode: str = "marginals",
        image_size: int = 256,
        data_preprocessor: Any = None,
    ) -> None:
        super().__init__(torque_codec, torque_loss, data_preprocessor)
        if spf_mode not in SPF_MODES:
            raise ConfigError(f"VIDNetwork: spf_mode='{spf_mode}' must be one of {', '.join(SPF_MODES)}.")
        self.spf_mode = spf_mode
        self.image_size = image_size
        self.backbone: nn.Module = build_part(backbone, "backbone")
        self.heatmap_head: nn.Module = build_part(heatmap_head, "heatmap_head")
        self.pose_decoder: nn.Module = build_part(pose_decoder, "pose_decoder")
        self.marker_regressor: nn.Module | None = None
        self.marker_codec: MarkerCodec | None = None
        self.marker_loss: nn.Module | None = None
        if marker_regressor is not None:
            if marker_codec is None or marker_loss is None:
                raise ConfigError("VIDNetwork: a marker_regressor needs a marker_codec and a marker_loss.")
            self.marker_regressor = build_part(marker_regressor, "marker_regressor")
            self.marker_codec = build_part(marker_codec, "marker_codec")
            self.marker_frame = self.marker_codec.marker_frame
            self.marker_loss = build_part(marker_loss, "marker_loss")
        in_features = self._probe_tokens()
        self.temporal_head, self.window, self.target_index = build_temporal_head(
            temporal_head, in_features, self.torque_codec, f"spf_mode='{self.spf_mode}' and the markers give"
        )
        use_channels_last(self.backbone, self.heatmap_head)

    def _probe_tokens(self) -> int:
        """Send shapes through the image part; return F."""
        pose = probe_pose(self.backbone, self.heatmap_head, self.pose_decoder, self.image_size, *self._keep_volume)
        self._bins = tuple(marginal.shape[-1] for marginal in pose.marginals)
        self._widths = [SPF_MODES[self.spf_mode](pose).shape[1], pose.coordinates[0].numel()]
        width = self._widths[0]
        if self.marker_regressor is not None and self.marker_codec is not None:
            regressor_input = pose if self._takes_pose else coordinate_features(pose).unflatten(1, (-1, 3))
            markers = probe("marker_regressor", self.marker_regressor, regressor_input)
            expected = (2, *self.marker_codec.mean.shape)
            if not isinstance(markers, Tensor) or markers.shape != expected:
                raise ConfigError(
                    f"marker_regressor: gives {describe(markers)}, but marker_codec has {list(expected[1:])} an image."
                )
            width += markers[0].numel()
        return width

    @property
    def _keep_volume(self) -> tuple[bool, ...]:
        """Further arguments of the pose decoder: one that is never asked for the volume need not know of it."""
        return (True,) if self.spf_mode in ("pooled8", "full") else ()

    @property
    def _takes_pose(self) -> bool:
        """Whether the marker regressor reads the whole pose, and not [N, J, 3] in [-1, 1]."""
        return bool(getattr(self.marker_regressor, "takes_pose", False))

    # --- images ------------------------------------------------------------------------------------------------------
    @property
    def num_image_features(self) -> int | None:
        """Numbers that :meth:`image_features` gives of an image; None where they cannot take the images' place.

        They cannot where they still change in training, or where the marker regressor reads the whole pose.
        """
        frozen = all(getattr(part, "frozen", False) for part in (self.backbone, self.heatmap_head))
        return sum(self._widths) if frozen and not self._takes_pose else None

    def image_features(self, images: Tensor) -> Tensor:
        """Return what the parts that see images say of normalised images [N, 3, S, S], as [N, num_image_features]."""
        spatial, coordinates, _ = self._see(images)
        return torch.cat([spatial, coordinates.flatten(1)], dim=1)

    def encode_images(self, images: Tensor) -> ImageResult:
        """Return tokens, markers and pose of normalised images [N, 3, S, S]."""
        return self._encode(self._see(images))

    def _see(self, images: Tensor) -> ImageFeatures:
        images = images.contiguous(memory_format=torch.channels_last)
        pose = self.pose_decoder(self.heatmap_head(self.backbone(images)), *self._keep_volume)
        return ImageFeatures(SPF_MODES[self.spf_mode](pose), coordinate_features(pose).unflatten(1, (-1, 3)), pose)

    def _encode(self, features: ImageFeatures) -> ImageResult:
        tokens, markers = features.spatial, None
        if self.marker_regressor is not None:
            markers = self.marker_regressor(features.pose if self._takes_pose else features.coordinates)
            tokens = torch.cat([tokens, markers.flatten(1)], dim=1)
        pose = features.pose
        return ImageResult(
            tokens, markers, bin_coordinates(features.coordinates, self._bins) if pose is None else pose.coordinates
        )

    def _encode_frames(self, inputs: Inputs) -> ImageResult:
        """Return tokens, markers and pose [B L, ...] of ``inputs['frames']``, each image seen once."""
        frames = inputs["frames"]
        if frames.shape[2:] != (3, self.image_size, self.image_size):
            raise ConfigError(
                f"frames are {list(frames.shape[2:])}, expected [3, {self.image_size}, {self.image_size}]; set the "
                f"dataset's image size or the model's image_size."
            )
        is_new = inputs.get("frame_is_new")
        if is_new is None:
            return self.encode_images(frames.flatten(0, 1))
        is_new = torch.cat([torch.ones_like(is_new[:, :1]), is_new[:, 1:]], dim=1)
        source = is_new.flatten().cumsum(0) - 1
        tokens, markers, pose = self.encode_images(frames[is_new])
        return ImageResult(tokens[source], None if markers is None else markers[source], pose[source])

    def _encode_features(self, inputs: Inputs) -> ImageResult:
        """Return tokens, markers and pose [B L, ...] of ``inputs['image_features']`` [B, L, F]."""
        values = inputs["image_features"].flatten(0, 1)
        if values.shape[1] != self.num_image_features:
            raise ConfigError(
                f"image_features are {values.shape[1]} numbers an image, expected {self.num_image_features}; make them "
                f"with this model's config: vidzoo features."
            )
        spatial, coordinates = values.split(self._widths, dim=1)
        return self._encode(ImageFeatures(spatial, coordinates.unflatten(1, (-1, 3)), None))

    # --- clips -------------------------------------------------------------------------------------------------------
    def tensor(self, inputs: Inputs) -> VIDOutput:
        """Return standardised torques and markers, and the pose.

        Args:
            inputs: ``frames`` [B, L, 3, S, S], or ``image_features`` [B, L, F] in their place.
        """
        if "image_features" in inputs:
            clips = inputs["image_features"].shape[:2]
            tokens, markers, pose = self._encode_features(inputs)
        else:
            clips = inputs["frames"].shape[:2]
            tokens, markers, pose = self._encode_frames(inputs)
        torques = self.temporal_head(tokens.unflatten(0, clips))
        return VIDOutput(torques, None if markers is None else markers.unflatten(0, clips), pose.unflatten(0, clips))

    def loss(self, inputs: Inputs, data_samples: Sequence[TorqueSample]) -> dict[str, Tensor]:
        """Return loss_torque and, with a marker regressor, loss_markers (gt_markers [L, M, 3] m where valid)."""
        output = self.tensor(inputs)
        losses = self.torque_losses(output, data_samples)
        if self.marker_codec is not None and self.marker_loss is not None:
            target = self.marker_codec.encode(stack(data_samples, "gt_markers"))
            valid = stack(data_samples, "gt_marker_valid")[..., None]
            losses["loss_markers"] = self.marker_loss(output.markers, target, valid)
        return losses

    def predict(self, inputs: Inputs, data_samples: Sequence[TorqueSample]) -> Sequence[TorqueSample]:
        """Add pred_torques [K, Q] N·m, pred_pose [L, J, 3] bins and pred_markers [L, M, 3] m to each sample."""
        output = self.tensor(inputs)
        self.add_torques(output, data_samples)
        for sample, pose in zip(data_samples, output.pose):
            sample.pred_pose = pose
        if self.marker_codec is not None and output.markers is not None:
            for sample, markers in zip(data_samples, self.marker_codec.decode(output.markers)):
                sample.pred_markers = markers
        return data_samples


def use_channels_last(*parts: nn.Module) -> None:
    """Lay the kernels of convolutions out channels last, which is faster on CPUs and tensor cores."""
    for part in parts:
        for weight in (p for p in part.parameters() if p.ndim == 4):
            # Not contiguous(): it leaves 1 x 1 kernels with strides that their gradients will not have.
            weight.data = torch.empty_like(weight, memory_format=torch.channels_last).copy_(weight.data)
