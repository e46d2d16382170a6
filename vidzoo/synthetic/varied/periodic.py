"""A walker's path over the floor as waves of the stride."""

from __future__ import annotations

import numpy as np

from vidzoo.anatomy import GRAVITY
from vidzoo.synthetic.varied.stance_leg import Gait

STEP_ORDERS, STRIDE_ORDERS = (2, 4, 6, 8, 10), (1, 3, 5, 7)
"""Waves per stride of what repeats with every step, and of what changes its side."""


class Periodic:
    """A path over the floor [n, 2] m: steady progress, and what repeats with every step (x) or stride (z)."""

    def __init__(self, gait: Gait, x: np.ndarray, z: np.ndarray) -> None:
        self.gait, self.x, self.z = gait, x, z

    @staticmethod
    def waves(gait: Gait, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the waves of a step [n, 11] and the waves of a stride [n, 8]."""
        turns = 2 * np.pi * time[:, None] / gait.stride
        even, odd = turns * STEP_ORDERS, turns * STRIDE_ORDERS
        step_waves = np.column_stack([np.ones(len(time)), np.cos(even), np.sin(even)])
        return step_waves, np.column_stack([np.cos(odd), np.sin(odd)])

    @classmethod
    def of(cls, gait: Gait, time: np.ndarray, values: np.ndarray, progress: float) -> Periodic:
        """Fit values [n, 2] whose mean speed along x is ``progress``."""
        step_waves, stride_waves = cls.waves(gait, time)
        return cls(gait, np.linalg.lstsq(step_waves, values[:, 0] - progress * time, rcond=None)[0],
                   np.linalg.lstsq(stride_waves, values[:, 1], rcond=None)[0])  # fmt: skip

    def __call__(self, time: np.ndarray, progress: float) -> np.ndarray:
        """Return the path [n, 2] m at times [n] s."""
        step_waves, stride_waves = self.waves(self.gait, time)
        return np.column_stack([progress * time + step_waves @ self.x, stride_waves @ self.z])

    def under(self, height: float) -> Periodic:
        """Return the body's path whose centre of pressure this is (the inverted pendulum, wave by wave)."""

        def gain(orders: np.ndarray) -> np.ndarray:
            return 1 / (1 + (2 * np.pi * orders / self.gait.stride) ** 2 * height / GRAVITY)

        steps, strides = np.array([0, *STEP_ORDERS, *STEP_ORDERS]), np.array(STRIDE_ORDERS * 2)
        return Periodic(self.gait, self.x * gain(steps), self.z * gain(strides))

    def __add__(self, other: Periodic) -> Periodic:
        return Periodic(self.gait, self.x + other.x, self.z + other.z)
