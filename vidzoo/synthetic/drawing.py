"""Draw the body in a room, by OpenCV's shapes, without a graphics driver.

Limbs are tapered capsules, shaded towards a light and painted from far to near. As in a photograph, left and right can
be told by the direction in which the person faces (face, shirt front, feet) and by which part covers which. To make
this easier for a small network, the left sleeve, trouser leg and shoe are a little darker than the right ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from vidzoo.synthetic.camera import Camera
from vidzoo.synthetic.look import Look
from vidzoo.synthetic.room import SUPERSAMPLE, Room

JPEG_QUALITY = 92
_SHIFT = 4
"""Fractional bits of OpenCV's drawing coordinates."""


# Capsules: from point, to point, radii in body heights, piece of clothing.
_TORSO = (
    ("flank", "chest", 0.056, 0.060, "shirt"),
    ("chest", "shoulder", 0.052, 0.034, "shirt"),
)
_LIMBS = (
    ("hip", "knee", 0.052, 0.034, "trousers"),
    ("knee", "ankle", 0.033, 0.020, "shank"),
    ("heel", "ball", 0.021, 0.019, "shoes"),
    ("ball", "toe", 0.018, 0.012, "shoes"),
    ("ankle", "heel", 0.021, 0.018, "shoes"),
    ("shoulder", "sleeve", 0.032, 0.027, "shirt"),
    ("sleeve", "elbow", 0.026, 0.023, "arm"),
    ("elbow", "wrist", 0.023, 0.016, "arm"),
    ("wrist", "hand", 0.017, 0.015, "skin"),
)


def _fixed(pixels: np.ndarray) -> np.ndarray:
    """Return pixels of the final image as OpenCV's fixed-point numbers in the supersampled one."""
    return np.round(((np.asarray(pixels) + 0.5) * SUPERSAMPLE - 0.5) * (1 << _SHIFT)).astype(np.int32)


def _capsule(image, a, b, radius_a: float, radius_b: float, colour: np.ndarray, light: np.ndarray) -> None:
    """Paint a tapered capsule between pixels a and b in five tones, brighter towards the light."""
    along = b - a
    length = np.hypot(*along)
    normal = np.array([-along[1], along[0]]) / length if length > 1e-6 else np.zeros(2)
    scale = SUPERSAMPLE * (1 << _SHIFT)
    for tone in range(5):
        shrink, shift = 1 - 0.19 * tone, 0.10 * tone
        ra, rb = radius_a * shrink, radius_b * shrink
        p, q = a + light * radius_a * shift, b + light * radius_b * shift
        paint = tuple((colour * (0.55 + 0.13 * tone)).clip(0, 255))
        quad = _fixed(np.array([p + normal * ra, q + normal * rb, q - normal * rb, p - normal * ra]))
        cv2.fillConvexPoly(image, quad, paint, cv2.LINE_8, _SHIFT)
        for centre, r in ((p, ra), (q, rb)):
            cv2.circle(image, tuple(map(int, _fixed(centre))), max(int(r * scale), 1), paint, -1, cv2.LINE_8, _SHIFT)


def _box_faces(low: np.ndarray, high: np.ndarray) -> list[np.ndarray]:
    """Return the six faces [4, 3] of an upright box."""
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    return [
        corners[list(i)] for i in ((0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5))
    ]


@dataclass(frozen=True, eq=False)
class _View:
    """The figure in one frame, as a camera sees it."""

    camera: Camera
    height: float
    """Of the person, m."""
    points: dict[str, np.ndarray]
    """[3] m in ground."""
    at: dict[str, np.ndarray]
    """[2] pixels."""
    deep: dict[str, float]
    """Distance along the camera's axis, m."""

    def radius(self, share: float, point: str) -> float:
        """Return the radius in pixels of what measures ``share`` body heights at a point."""
        return share * self.height * self.camera.intrinsics[0, 0] / self.deep[point]

    def pixels(self, corners: np.ndarray) -> np.ndarray:
        """Return corners [n, 3] m as OpenCV's fixed-point numbers."""
        return _fixed(self.camera.project(corners)[0])


Stroke = tuple[float, Callable[[np.ndarray], None]]
"""Depth in m, and what paints it."""


def _views(points: dict[str, np.ndarray], camera: Camera, height: float) -> Iterator[_View]:
    """Yield the figure's views, one for each frame of its points [V, 3] m."""
    names = list(points)
    pixels, depths = camera.project(np.stack([points[n] for n in names], axis=1))
    for i, (p, z) in enumerate(zip(pixels, depths)):
        yield _View(camera, height, {n: points[n][i] for n in names}, dict(zip(names, p)), dict(zip(names, z)))


def _draw_shadows(image: np.ndarray, view: _View, room: Room) -> None:
    """Darken the floor below the pelvis and the feet; the higher a foot, the fainter its shadow."""
    circle = np.linspace(0, 2 * np.pi, 24)
    for centre, radius, dark in (("pelvis", 0.16, 0.82), ("ball_r", 0.06, 0.62), ("ball_l", 0.06, 0.62)):
        middle = view.points[centre]
        height = max(middle[1], 0) if centre != "pelvis" else 0.0
        rim = middle * [1, 0, 1] + radius * view.height * np.column_stack([np.cos(circle), 0 * circle, np.sin(circle)])
        tone = room.floor * (1 - (1 - dark) * np.exp(-6 * height))
        cv2.fillConvexPoly(image, view.pixels(rim), tuple(tone.clip(0, 255)), cv2.LINE_8, _SHIFT)


def _body_strokes(view: _View, look: Look, light: np.ndarray) -> list[Stroke]:
    """Return the capsules of trunk and limbs."""
    clothes = look.clothes

    def capsule(a: str, b: str, ra: float, rb: float, colour: np.ndarray, depth: float) -> Stroke:
        def paint(image: np.ndarray) -> None:
            _capsule(image, view.at[a], view.at[b], view.radius(ra, a), view.radius(rb, b), colour, light)

        return depth, paint

    strokes, deep = [], view.deep
    for side in "rl":
        for a, b, ra, rb, kind in _TORSO + _LIMBS:
            trunk = kind == "shirt" and a in ("flank", "chest")
            girth = look.trunk if trunk else look.limbs
            colour = clothes.worn(kind) * (look.left_shade if side == "l" and not trunk else 1.0)
            a, b = f"{a}_{side}", f"{b}_{side}"
            strokes.append(capsule(a, b, girth * ra, girth * rb, colour, (deep[a] + deep[b]) / 2))
    hips, waist = 0.055 * look.trunk, (0.060 * look.trunk, 0.058 * look.trunk)
    strokes.append(capsule("flank_r", "flank_l", hips, hips, clothes.trousers, deep["pelvis"]))
    strokes.append(capsule("pelvis", "waist", *waist, clothes.shirt, deep["waist"]))
    strokes.append(capsule("neck", "skull", 0.027, 0.030, clothes.skin, deep["neck"]))
    return strokes


def _head_stroke(view: _View, look: Look, light: np.ndarray) -> Stroke:
    """Return the head: skull and hair, and the face where it looks at the camera."""
    deep, at = view.deep, view.at
    clothes = look.clothes
    facing = deep["nose"] < deep["skull"]

    def paint(image: np.ndarray) -> None:
        r = view.radius(0.060, "skull")
        head, hair = ("skull", clothes.skin, r), ("hair", clothes.hair, r * 0.98)
        for name, colour, radius in (hair, head) if facing else (head, hair):
            _capsule(image, at[name], at[name], radius, radius, colour, light)
        if facing:
            for eye in ("eye_r", "eye_l"):
                if deep[eye] < deep["skull"] - 0.012 * view.height:
                    _capsule(image, at[eye], at[eye], r * 0.13, r * 0.13, np.full(3, 40.0), light)
            _capsule(image, at["nose"], at["nose"], r * 0.16, r * 0.16, clothes.skin * 0.85, light)

    return deep["skull"] - 0.01, paint


def _plane_strokes(view: _View, look: Look, room: Room) -> list[Stroke]:
    """Return the flat parts: the print on the shirt, where it can be seen, and the faces of stool or box."""

    def plane(corners: np.ndarray, colour: np.ndarray, behind: float) -> Stroke:
        def paint(image: np.ndarray) -> None:
            cv2.fillConvexPoly(image, view.pixels(corners), tuple(colour), cv2.LINE_8, _SHIFT)

        return view.camera.project(corners)[1].mean() + behind, paint

    strokes = []
    front = np.array([view.points[f"front_{n}"] for n in ("high_r", "high_l", "low_l", "low_r")])
    outward = np.cross(front[3] - front[0], front[1] - front[0])
    position = -view.camera.rotation.T @ view.camera.translation
    if outward @ (position - front.mean(axis=0)) > 0:
        strokes.append(plane(front, look.clothes.print, 0.0))
    for face in [face for low, high in room.boxes for face in _box_faces(low, high)]:
        lift = 0.75 + 0.35 * abs(np.linalg.svd(face - face.mean(axis=0))[2][2] @ [0.4, 0.9, 0.2])
        strokes.append(plane(face, (room.box_colour * lift).clip(0, 255), 0.05))
    return strokes


def draw_frames(
    points: dict[str, np.ndarray], height: float, camera: Camera, look: Look, room: Room, size: int
) -> Iterator[np.ndarray]:
    """Draw the figure's points [V, 3] m of a person of ``height`` m.

    Yields:
        an image for each of the V frames, uint8 [size, size, 3] BGR.
    """
    centre = np.stack(list(points.values()), axis=1).mean(axis=(0, 1))
    empty = room.background(camera, centre, size)
    rng = np.random.default_rng(room.noise_seed)
    noise = rng.normal(0, 2.5, (size + 64, size + 64, 3)).astype(np.float32)
    for view in _views(points, camera, height):
        image = empty.copy()
        _draw_shadows(image, view, room)
        strokes = _body_strokes(view, look, room.light)
        strokes.append(_head_stroke(view, look, room.light))
        strokes += _plane_strokes(view, look, room)
        for _, paint in sorted(strokes, key=lambda stroke: -stroke[0]):
            paint(image)
        small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
        y, x = rng.integers(0, 64, 2)
        yield (small + noise[y : y + size, x : x + size]).clip(0, 255).astype(np.uint8)


def to_jpeg(image: np.ndarray) -> bytes:
    """Return an image, uint8 [h, w, 3] BGR, as a JPEG."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
