"""The surroundings of a made-up person: wall, floor, light, furniture."""

from __future__ import annotations

import cv2
import numpy as np

from vidzoo.synthetic.camera import Camera

SUPERSAMPLE = 2
"""Pictures are drawn so many times larger, and then made smaller."""


class Room:
    """The surroundings of one trial: wall, floor, light, and the stool or box that the action needs."""

    def __init__(self, rng: np.random.Generator, boxes: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self.wall, self.floor = (rng.uniform(0.75, 1.1, 3) * v for v in (rng.uniform(110, 215), rng.uniform(70, 170)))
        self.light = np.array([rng.uniform(-0.8, 0.8), -1.0])
        self.light /= np.linalg.norm(self.light)
        self.wall_distance = rng.uniform(1.6, 3.0)
        self.posters = rng.uniform(0, 1, (rng.integers(2, 5), 7))
        self.box_colour = rng.uniform(40, 190, 3)
        self.boxes = boxes
        self.noise_seed = int(rng.integers(2**31))

    def background(self, camera: Camera, centre: np.ndarray, size: int) -> np.ndarray:
        """Return the empty room as the camera sees it, uint8 [s, s, 3] BGR, at the drawing's resolution."""
        rng = np.random.default_rng(self.noise_seed)
        s = size * SUPERSAMPLE
        # The wall is behind the person, perpendicular to the view; it meets the floor in a horizontal line.
        behind = camera.rotation[2] * [1, 0, 1]
        foot = centre * [1, 0, 1] + behind / np.linalg.norm(behind) * self.wall_distance
        line = (camera.project(foot)[0][1] + 0.5) * SUPERSAMPLE
        rows = np.arange(s)[:, None, None]
        shade = np.where(rows < line, 0.80 + 0.25 * rows / max(line, 1), 0.75 + 0.35 * (rows - line) / max(s - line, 1))
        image = np.where(rows < line, self.wall, self.floor) * shade * np.ones((1, s, 1))
        texture = cv2.resize(rng.normal(0, 1, (12, 12)).astype(np.float32), (s, s), interpolation=cv2.INTER_CUBIC)
        grain = cv2.resize(rng.normal(0, 1, (s // 4, s // 4)).astype(np.float32), (s, s))
        image += (5 * texture + 4 * grain)[..., None]
        for x, y, w, tall, *colour in self.posters:
            corner = int(x * s), int((y * 0.8 - 0.1) * line)
            end = (
                min(int(corner[0] + (0.1 + 0.25 * w) * s), s),
                min(int(corner[1] + (0.1 + 0.3 * tall) * s), int(line) - 4),
            )
            cv2.rectangle(image, corner, end, tuple(60 + 170 * np.array(colour)), -1)
        cv2.line(image, (0, int(line)), (s, int(line)), tuple(0.55 * self.floor), 3)
        return image.clip(0, 255).astype(np.uint8)


def furniture(
    family: str,
    height: float,
    points: dict[str, np.ndarray],
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the boxes (low and high corner [3] m) that an action needs: a stool to rise from, a box to drop from."""
    first = {name: track[0] for name, track in points.items()}
    h = height
    if family.startswith("STS"):
        seat = first["pelvis"] - [0.02 * h, 0, 0]
        return [(seat * [1, 0, 1] - [0.13 * h, 0, 0.13 * h], seat + [0.08 * h, -0.075 * h, 0.13 * h])]
    if family.startswith("DJ"):
        middle = (first["heel_r"] + first["heel_l"]) / 2
        top = max(float(middle[1]) - 0.03, 0.1)
        behind = middle * [1, 0, 1] - [0.22 * h, 0, 0]
        return [(behind - [0.15 * h, 0, 0.2 * h], behind + [0.15 * h, top, 0.2 * h])]
    return []
