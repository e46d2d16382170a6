"""World landmarks as a torque model sees them: windows of body points, turned to face one way, in body heights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vidzoo.anatomy import BODY_LANDMARKS, LANDMARKS, mirror_index
from vidzoo.errors import ConfigError
from vidzoo.models.codecs.torque_codec import Standardizer
from vidzoo.models.temporal_heads.windows import unfold_windows

_BODY = [LANDMARKS.index(name) for name in BODY_LANDMARKS]
_MIRROR = mirror_index(BODY_LANDMARKS)
_HIPS = BODY_LANDMARKS.index("hip_r"), BODY_LANDMARKS.index("hip_l")


def windows_of(landmarks: Tensor, height: Tensor, window: int, stride: int) -> Tensor:
    """Cut clips of landmarks into windows that do not depend on where the camera stands, nor on the body's size.

    Every window is turned about the picture's vertical by one angle, so that the line from the right hip to the left
    one, averaged over the window, points along x. Because nothing outside the window is looked at, a window of a
    running video gives what the same window of a recording gives.

    Args:
        landmarks: [B, L, 33, 3] m, as ``structures.Inputs`` says.
        height: [B] m.
        window: frames of a window.
        stride: every which of its frames is kept.

    Returns:
        Windows [B * K, T, 16, 3] of ``anatomy.BODY_LANDMARKS`` in body heights: x to the left, y down, z backward.
    """
    body = landmarks[:, :, _BODY] / height.reshape(-1, 1, 1, 1)
    windows = unfold_windows(body.flatten(2), window).unflatten(2, (len(_BODY), 3))
    return turned(windows)[:, ::stride]


def turned(windows: Tensor) -> Tensor:
    """Return windows [N, T, 16, 3] turned about y by one angle each, until their hips lie along x on average."""
    across = (windows[:, :, _HIPS[1]] - windows[:, :, _HIPS[0]]).mean(1)
    across = nn.functional.normalize(across[:, ::2], dim=-1, eps=1e-6)
    cos, sin = across[:, 0, None, None], across[:, 1, None, None]
    x, y, z = windows.unbind(-1)
    return torch.stack([cos * x + sin * z, y, cos * z - sin * x], dim=-1)


def mirrored(windows: Tensor) -> Tensor:
    """Return the windows [N, T, 16, 3] of the mirrored person: left and right exchanged, x the other way."""
    return windows[:, :, _MIRROR] * windows.new_tensor([-1.0, 1.0, 1.0])


def tilted(windows: Tensor, std: float) -> Tensor:
    """Return windows [N, T, 16, 3] as cameras of other pitch and roll see them: two angles a window, rad."""
    for axis in (2, 0):  # y and z turn about x, then x and y about z
        angle = std * torch.randn(len(windows), 1, 1, device=windows.device, dtype=windows.dtype)
        cos, sin = angle.cos(), angle.sin()
        axes = list(windows.unbind(-1))
        axes[1], axes[axis] = cos * axes[1] - sin * axes[axis], sin * axes[1] + cos * axes[axis]
        windows = torch.stack(axes, dim=-1)
    return windows


class LandmarkTokens(Standardizer):
    """Windows [N, T, 16, 3] to standardised tokens [N, T, 48].

    Args:
        noise: in training, to each number a random one is added whose standard deviation is this share of the number's
            own over the training subset, in each frame differently.
        bias: the same, but equal in all frames of a window: as another network, or another camera, would put a
            landmark to another place of the body.
        tilt: in training, windows are turned as cameras of another pitch and roll see them; the standard deviation of
            both angles, in rad.
    """

    def __init__(self, noise: float, bias: float, tilt: float) -> None:
        if min(noise, bias, tilt) < 0:
            raise ConfigError(f"MarkerTorqueNet: noise={noise}, bias={bias} and tilt={tilt} must be 0 or more.")
        super().__init__((len(_BODY), 3), "input_landmarks_turned")
        self.noise, self.bias, self.tilt = noise, bias, tilt

    def forward(self, windows: Tensor) -> Tensor:
        """Return the tokens, in training with noise."""
        if self.training and self.tilt:
            windows = tilted(windows, self.tilt)
        z = self.standardise(windows)
        if self.training and self.noise:
            z = z + self.noise * torch.randn_like(z)
        if self.training and self.bias:
            z = z + self.bias * torch.randn_like(z[:, :1])
        return z.flatten(2)
