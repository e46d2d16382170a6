"""The pose network: VID-Network's image part alone, for its own training on 3D poses (stage 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from vidzoo.anatomy import POSE_JOINTS, POSE_ROOT
from vidzoo.errors import ConfigError
from vidzoo.models.codecs.pose_codec import decode_pose, encode_pose
from vidzoo.models.estimators.base import build_part, stack
from vidzoo.models.estimators.shape_checks import probe_pose
from vidzoo.models.estimators.vid_network import use_channels_last
from vidzoo.models.pose_decoders import normalise_coordinates
from vidzoo.registry import MODELS
from vidzoo.structures import Inputs, Mode, PoseSample
from vidzoo.task import TaskSpec

_ROOT = POSE_JOINTS.index(POSE_ROOT)


class PoseOutput(NamedTuple):
    """Raw result for B clips of L frames."""

    pose: Tensor
    """[B, L, J, 3] x, y, z in [-1, 1], outer edge to outer edge of the volume."""


@MODELS.register_module()
class PoseNetwork(BaseModel):
    """Find 21 joints in images: backbone, heatmap head and pose decoder, named as in :class:`VIDNetwork`.

    Its checkpoint is what a config's ``stage1`` names. Depth is relative to the pelvis; to give joints in m the
    prediction takes the pelvis' distance from the camera and the intrinsics from the sample, as PoseNet's own
    evaluation does.

    Args:
        backbone: images [N, 3, S, S] to a tuple of maps.
        heatmap_head: that tuple to volume logits [N, J, D, h, w], J = 21, or to :class:`AxisLogits`.
        pose_decoder: logits to a :class:`Pose`.
        pose_loss: called as loss(prediction, target, valid) on normalised coordinates [B, L, J, 3].
        image_size: S, the side of the images in pixels.
        depth_range: the volume reaches so far before and behind the pelvis, m.
        data_preprocessor: see :class:`ClipPreprocessor`.

    Raises:
        ConfigError: a part does not fit the one before it, or gives another number of joints.

    Source: VID paper, section 4, stage 1 (mean squared error of 3D coordinates); PoseNet, Moon et al. 2019 (volume of
    2 m, absolute error).
    """

    requires = ("frames",)

    def __init__(
        self,
        backbone: Any,
        heatmap_head: Any,
        pose_decoder: Any,
        pose_loss: Any,
        image_size: int = 256,
        depth_range: float = 1.0,
        data_preprocessor: Any = None,
    ) -> None:
        if data_preprocessor is not None:
            data_preprocessor = build_part(data_preprocessor, "data_preprocessor")
        super().__init__(data_preprocessor)
        if not depth_range > 0:
            raise ConfigError(f"PoseNetwork: depth_range={depth_range} m must be more than 0.")
        self.image_size = image_size
        self.depth_range = depth_range
        self.backbone: nn.Module = build_part(backbone, "backbone")
        self.heatmap_head: nn.Module = build_part(heatmap_head, "heatmap_head")
        self.pose_decoder: nn.Module = build_part(pose_decoder, "pose_decoder")
        self.pose_loss: nn.Module = build_part(pose_loss, "pose_loss")
        pose = probe_pose(self.backbone, self.heatmap_head, self.pose_decoder, image_size)
        if pose.coordinates.shape[1] != len(POSE_JOINTS):
            raise ConfigError(
                f"heatmap_head: finds {pose.coordinates.shape[1]} joints, but a pose has {len(POSE_JOINTS)} "
                f"(vidzoo.anatomy.POSE_JOINTS); set num_joints to that."
            )
        use_channels_last(self.backbone, self.heatmap_head)

    @property
    def task(self) -> TaskSpec:
        """What the network takes; it predicts no torques and sees single images."""
        return TaskSpec(requires=self.requires, image_size=self.image_size)

    def tensor(self, inputs: Inputs) -> PoseOutput:
        """Return the poses of ``inputs['frames']`` [B, L, 3, S, S]; nothing else changes."""
        frames = inputs["frames"]
        if frames.shape[2:] != (3, self.image_size, self.image_size):
            raise ConfigError(
                f"frames are {list(frames.shape[2:])}, expected [3, {self.image_size}, {self.image_size}]; set the "
                f"dataset's image size or the model's image_size."
            )
        images = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        pose = self.pose_decoder(self.heatmap_head(self.backbone(images)))
        coordinates = normalise_coordinates(pose.coordinates, [marginal.shape[-1] for marginal in pose.marginals])
        return PoseOutput(coordinates.unflatten(0, frames.shape[:2]))

    def forward(  # type: ignore[override]
        self, inputs: Inputs, data_samples: Sequence[PoseSample] | None = None, mode: Mode = "tensor"
    ) -> PoseOutput | dict[str, Tensor] | Sequence[PoseSample]:
        """Return the raw result, the losses by name, or ``data_samples`` with predictions added.

        Raises:
            ConfigError: an unknown mode, or no samples where they are needed.
        """
        if mode not in ("tensor", "loss", "predict"):
            raise ConfigError(f"mode='{mode}' must be 'tensor', 'loss' or 'predict'.")
        if mode == "tensor":
            return self.tensor(inputs)
        if data_samples is None:
            raise ConfigError(f"mode='{mode}' needs data_samples: the labels, or camera and root depth of each image.")
        return self.loss(inputs, data_samples) if mode == "loss" else self.predict(inputs, data_samples)

    def loss(self, inputs: Inputs, data_samples: Sequence[PoseSample]) -> dict[str, Tensor]:
        """Return loss_pose against gt_pose [L, J, 3] where it is valid and inside the volume."""
        labels = stack(data_samples, "gt_pose"), stack(data_samples, "gt_pose_valid")
        target, valid = encode_pose(*labels, self.image_size, self.depth_range)
        return {"loss_pose": self.pose_loss(self.tensor(inputs).pose, target, valid)}

    def predict(self, inputs: Inputs, data_samples: Sequence[PoseSample]) -> Sequence[PoseSample]:
        """Add pred_joints [L, J, 3] m, relative to the pelvis, to each sample and return the samples."""
        camera = stack(data_samples, "intrinsics"), stack(data_samples, "root_depth")
        joints = decode_pose(self.tensor(inputs).pose, *camera, self.image_size, self.depth_range, _ROOT)
        for sample, own in zip(data_samples, joints):
            sample.pred_joints = own
        return data_samples
