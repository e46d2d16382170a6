"""What a made-up person looks like: colours and girths."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class Clothes:
    """A person's colours, BGR 0-255 [3] each."""

    skin: np.ndarray
    hair: np.ndarray
    shirt: np.ndarray
    print: np.ndarray
    trousers: np.ndarray
    shoes: np.ndarray
    long_sleeves: bool
    shorts: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, index: int) -> Clothes:
        """Draw the clothes of person number ``index``; shirt and trousers differ, and so do neighbours."""
        tones = np.array([[172, 198, 232], [140, 172, 214], [100, 138, 188], [66, 98, 146], [44, 66, 100]], float)
        hue = 0.382 * 180 * index + rng.uniform(-15, 15)

        def colour(hue: float, saturation: float, value: float) -> np.ndarray:
            pixel = np.array([[[hue % 180, saturation, value]]], np.uint8)
            return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(float)

        return cls(
            skin=tones[(2 * index + 1) % len(tones)] * rng.uniform(0.92, 1.05),
            hair=colour(rng.uniform(5, 25), rng.uniform(60, 160), rng.uniform(25, 110)),
            shirt=colour(hue, rng.uniform(110, 220), rng.uniform(120, 225)),
            print=colour(hue + 90, rng.uniform(30, 120), rng.uniform(215, 250)),
            trousers=colour(hue + rng.uniform(50, 130), rng.uniform(60, 170), rng.uniform(60, 150)),
            shoes=colour(rng.uniform(0, 180), rng.uniform(20, 200), rng.uniform(170, 245)),
            long_sleeves=bool(rng.random() < 0.4),
            shorts=bool(rng.random() < 0.4),
        )

    def worn(self, kind: str) -> np.ndarray:
        """Return the colour of a part of the body: 'shirt', 'trousers', 'shank', 'shoes', 'arm' or 'skin'."""
        return {
            "shirt": self.shirt,
            "trousers": self.trousers,
            "shank": self.skin if self.shorts else self.trousers,
            "shoes": self.shoes,
            "arm": self.shirt if self.long_sleeves else self.skin,
            "skin": self.skin,
        }[kind]


@dataclass(frozen=True, eq=False)
class Look:
    """Clothes, and how a figure differs from the standard one."""

    clothes: Clothes
    trunk: float = 1.0
    """Girth of the trunk, as a share of the standard figure's."""
    limbs: float = 1.0
    """Girth of arms and legs."""
    left_shade: float = 0.80
    """Brightness of the left limbs' clothes, as a share of the right ones'."""
    gaze: float = 0.0
    """How much of the trunk's lean the head makes up for: 0, it goes along with the trunk; 1, it stays upright."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Look:
        """Draw a person's look."""
        clothes = Clothes.draw(rng, int(rng.integers(1000)))
        stout = rng.normal()
        return cls(
            clothes,
            trunk=float(np.clip(1.08 + 0.14 * stout + rng.normal(0, 0.05), 0.85, 1.5)),
            limbs=float(np.clip(1.05 + 0.10 * stout + rng.normal(0, 0.05), 0.8, 1.4)),
            left_shade=float(rng.uniform(0.75, 1.0)),
            gaze=float(rng.uniform(0, 0.8)),
        )
