"""Draw the body in a room, by OpenCV's shapes, without a graphics driver.

Limbs are tapered capsules, shaded towards a light and painted from far to near. As in a photograph, left and right can
be told by the direction in which the person faces (face, shirt front, feet) and by which part covers which. To make
this easier for a small network, the left sleeve, trouser leg and shoe are a little darker than the right ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import mujoco
import numpy as np
from scipy.interpolate import CubicSpline

from vidzoo.geometry import project
from vidzoo.synthetic.body import DOF, INDEPENDENT, Body

AZIMUTHS = (45.0, -45.0, 70.0, -70.0, 0.0)
"""Directions of the cameras, degrees from straight ahead to the person's left: OpenCap's five, the usual one first."""
VIDEO_HZ = 60.0
JPEG_QUALITY = 92
SUPERSAMPLE = 2
MARGIN = 0.07
"""Room around what a camera is aimed at, as a share of the image."""
LEFT_SHADE = 0.80
_SHIFT = 4
"""Fractional bits of OpenCV's drawing coordinates."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: x_camera = rotation @ x_ground + translation; OpenCV axes, pixel centres at integers."""

    intrinsics: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixels [..., 2] and depth [...] m of points [..., 3] m."""
        seen = points @ self.rotation.T + self.translation
        return project(seen, self.intrinsics), seen[..., 2]


def aim(points: np.ndarray, azimuth: float, height: float, distance: float, size: int) -> Camera:
    """Return the camera at ``azimuth`` degrees whose square image of ``size`` pixels just holds points [n, 3] m."""
    target = (points.min(axis=0) + points.max(axis=0)) / 2
    a = np.radians(azimuth)
    position = target + distance * np.array([np.cos(a), 0, -np.sin(a)])
    position[1] = height
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, [0, 1, 0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    camera = Camera(np.eye(3), rotation, -rotation @ position)
    seen, _ = camera.project(points)
    low, high = seen.min(axis=0), seen.max(axis=0)
    focal = size * (1 - 2 * MARGIN) / (high - low).max()
    centre = (size - 1) / 2 - focal * (low + high) / 2
    return Camera(np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]]), rotation, camera.translation)


def trace(body: Body, coordinates: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return markers [F, M, 3] and the figure's points {name: [F, 3]}, m, for coordinates [F, C] with ``names``."""
    h, lengths = body.subject.height, body.lengths
    chest = lengths["middle_trunk"] + lengths["upper_trunk"]
    half_shoulder = lengths["shoulder_width"] / 2
    places: dict[str, tuple[str, tuple[float, float, float]]] = {
        "pelvis": ("pelvis", (-0.037 * h, -0.02 * h, 0)),
        "waist": ("torso", (0.014 * h, 0.02 * h, 0)),
        "neck": ("torso", (0.0, chest * 0.97, 0)),
        "skull": ("torso", (0.012 * h, chest + 0.58 * lengths["head"], 0)),
        "hair": ("torso", (-0.004 * h, chest + 0.70 * lengths["head"], 0)),
        "top": ("torso", (0.012 * h, chest + lengths["head"], 0)),
        "nose": ("torso", (0.066 * h, chest + 0.50 * lengths["head"], 0)),
    }
    for side, sign in (("r", 1), ("l", -1)):
        tip = body.sole["toe"]
        places |= {
            f"eye_{side}": ("torso", (0.058 * h, chest + 0.62 * lengths["head"], sign * 0.018 * h)),
            f"flank_{side}": ("pelvis", (-0.037 * h, -0.025 * h, sign * 0.040 * h)),
            f"chest_{side}": ("torso", (0.004 * h, chest * 0.66, sign * half_shoulder * 0.52)),
            f"front_high_{side}": ("torso", (0.074 * h, chest * 0.74, sign * half_shoulder * 0.45)),
            f"front_low_{side}": ("torso", (0.076 * h, chest * 0.42, sign * half_shoulder * 0.40)),
            f"hip_{side}": (f"femur_{side}", (0, 0, 0)),
            f"knee_{side}": (f"tibia_{side}", (0, 0, 0)),
            f"ankle_{side}": (f"talus_{side}", (0, 0, 0)),
            f"heel_{side}": (f"calcn_{side}", (0.004 * h, 0.006 * h, 0)),
            f"ball_{side}": (f"calcn_{side}", (body.sole["ball"][0], 0.003 * h, 0)),
            f"toe_{side}": (f"toes_{side}", (tip[0] - body.sole["ball"][0] - 0.012 * h, 0.0, 0)),
            f"shoulder_{side}": (f"humerus_{side}", (0, -0.006 * h, 0)),
            f"sleeve_{side}": (f"humerus_{side}", (0, -0.55 * lengths["upper_arm"], 0)),
            f"elbow_{side}": (f"ulna_{side}", (0, 0, 0)),
            f"wrist_{side}": (f"radius_{side}", (0, -lengths["forearm"], 0)),
            f"hand_{side}": (f"radius_{side}", (0, -lengths["forearm"] - lengths["hand"], 0)),
        }
    bodies = np.array([body.body_id(name) for name, _ in places.values()])
    offsets = np.array([offset for _, offset in places.values()])
    columns = [names.index(c) for c in INDEPENDENT]
    dofs = [DOF[c] for c in INDEPENDENT]
    markers = np.zeros((len(coordinates), len(body.marker_bodies), 3))
    points = np.zeros((len(coordinates), len(bodies), 3))
    for i, row in enumerate(coordinates):
        body.data.qpos[dofs] = row[columns]
        mujoco.mj_kinematics(body.model, body.data)
        markers[i] = body.markers()
        points[i] = body.data.xpos[bodies] + np.einsum("pij,pj->pi", body.data.xmat[bodies].reshape(-1, 3, 3), offsets)
    return markers, dict(zip(places, points.transpose(1, 0, 2)))


@dataclass(frozen=True)
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


def _body_strokes(view: _View, clothes: Clothes, light: np.ndarray) -> list[Stroke]:
    """Return the capsules of trunk and limbs."""

    def capsule(a: str, b: str, ra: float, rb: float, colour: np.ndarray, depth: float) -> Stroke:
        def paint(image: np.ndarray) -> None:
            _capsule(image, view.at[a], view.at[b], view.radius(ra, a), view.radius(rb, b), colour, light)

        return depth, paint

    strokes, deep = [], view.deep
    for side in "rl":
        for a, b, ra, rb, kind in _TORSO + _LIMBS:
            shaded = side == "l" and not (kind == "shirt" and a in ("flank", "chest"))
            colour = clothes.worn(kind) * (LEFT_SHADE if shaded else 1.0)
            a, b = f"{a}_{side}", f"{b}_{side}"
            strokes.append(capsule(a, b, ra, rb, colour, (deep[a] + deep[b]) / 2))
    strokes.append(capsule("flank_r", "flank_l", 0.055, 0.055, clothes.trousers, deep["pelvis"]))
    strokes.append(capsule("pelvis", "waist", 0.060, 0.058, clothes.shirt, deep["waist"]))
    strokes.append(capsule("neck", "skull", 0.027, 0.030, clothes.skin, deep["neck"]))
    return strokes


def _head_stroke(view: _View, clothes: Clothes, light: np.ndarray) -> Stroke:
    """Return the head: skull and hair, and the face where it looks at the camera."""
    deep, at = view.deep, view.at
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


def _plane_strokes(view: _View, clothes: Clothes, room: Room) -> list[Stroke]:
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
        strokes.append(plane(front, clothes.print, 0.0))
    for face in [face for low, high in room.boxes for face in _box_faces(low, high)]:
        lift = 0.75 + 0.35 * abs(np.linalg.svd(face - face.mean(axis=0))[2][2] @ [0.4, 0.9, 0.2])
        strokes.append(plane(face, (room.box_colour * lift).clip(0, 255), 0.05))
    return strokes


def draw_frames(
    body: Body, points: dict[str, np.ndarray], camera: Camera, clothes: Clothes, room: Room, size: int
) -> list[bytes]:
    """Draw the figure's points [V, 3] m; return a JPEG for each of the V frames, ``size`` pixels square."""
    centre = np.stack(list(points.values()), axis=1).mean(axis=(0, 1))
    empty = room.background(camera, centre, size)
    rng = np.random.default_rng(room.noise_seed)
    noise = rng.normal(0, 2.5, (size + 64, size + 64, 3)).astype(np.float32)
    images = []
    for view in _views(points, camera, body.subject.height):
        image = empty.copy()
        _draw_shadows(image, view, room)
        strokes = _body_strokes(view, clothes, room.light)
        strokes.append(_head_stroke(view, clothes, room.light))
        strokes += _plane_strokes(view, clothes, room)
        for _, paint in sorted(strokes, key=lambda stroke: -stroke[0]):
            paint(image)
        small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
        y, x = rng.integers(0, 64, 2)
        small = (small + noise[y : y + size, x : x + size]).clip(0, 255).astype(np.uint8)
        images.append(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes())
    return images


def at_video_times(time: np.ndarray, points: dict[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the times of a 60 fps video, [V] s, and the points there, [V, 3] m, for points [F, 3] at times [F]."""
    video = np.arange(int(np.floor(time[-1] * VIDEO_HZ + 1e-9)) + 1) / VIDEO_HZ
    return video, {name: CubicSpline(time, track)(video) for name, track in points.items()}
