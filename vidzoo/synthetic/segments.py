"""The segments of a made-up person: lengths, masses, centres of mass and inertias by published tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# de Leva (1996), J. Biomech. 29(9):1223-1230, table 4: length in m of the reference subject, mass as a share of the
# body's, centre of mass from the first landmark as a share of the length, radii of gyration about the sagittal (x),
# transverse (z) and longitudinal (y) axes as shares of the length.
DE_LEVA: dict[str, dict[str, tuple[float, float, float, float, float, float]]] = {
    "f": {
        "head": (0.2437, 0.0668, 0.4841, 0.271, 0.295, 0.261),  # vertex to cervicale
        "upper_trunk": (0.2280, 0.1545, 0.5050, 0.466, 0.314, 0.449),  # cervicale to xiphion
        "middle_trunk": (0.2053, 0.1465, 0.4512, 0.433, 0.354, 0.415),  # xiphion to omphalion
        "lower_trunk": (0.1815, 0.1247, 0.4920, 0.433, 0.402, 0.444),  # omphalion to mid-hip
        "upper_arm": (0.2751, 0.0255, 0.5754, 0.278, 0.260, 0.148),  # shoulder to elbow
        "forearm": (0.2643, 0.0138, 0.4559, 0.261, 0.257, 0.094),  # elbow to wrist
        "hand": (0.0780, 0.0056, 0.7474, 0.531, 0.454, 0.335),  # wrist to third metacarpal
        "thigh": (0.3685, 0.1478, 0.3612, 0.369, 0.364, 0.162),  # hip to knee
        "shank": (0.4386, 0.0481, 0.4352, 0.267, 0.263, 0.092),  # knee to ankle
        "foot": (0.2283, 0.0129, 0.4014, 0.299, 0.279, 0.139),  # heel to toe tip
    },
    "m": {
        "head": (0.2429, 0.0694, 0.5002, 0.303, 0.315, 0.261),
        "upper_trunk": (0.2421, 0.1596, 0.5066, 0.505, 0.320, 0.465),
        "middle_trunk": (0.2155, 0.1633, 0.4502, 0.482, 0.383, 0.468),
        "lower_trunk": (0.1457, 0.1117, 0.6115, 0.615, 0.551, 0.587),
        "upper_arm": (0.2817, 0.0271, 0.5772, 0.285, 0.269, 0.158),
        "forearm": (0.2689, 0.0162, 0.4574, 0.276, 0.265, 0.121),
        "hand": (0.0862, 0.0061, 0.7900, 0.628, 0.513, 0.401),
        "thigh": (0.4222, 0.1416, 0.4095, 0.329, 0.329, 0.149),
        "shank": (0.4403, 0.0433, 0.4395, 0.251, 0.246, 0.102),
        "foot": (0.2581, 0.0137, 0.4415, 0.257, 0.245, 0.124),
    },
}
SHOULDER_ABOVE_HIP = {"f": 0.4979, "m": 0.5155}
"""Mid-shoulder to mid-hip, m (same table, same reference subjects)."""
ANKLE_HEIGHT = 0.039
"""Ankle centre above the floor as a share of body height (Winter 2009, figure 4.1)."""
SHOULDER_HEIGHT = 0.818
"""Shoulder joint above the floor as a share of body height (Winter 2009, figure 4.1)."""
TALUS_SHARE, TOES_SHARE = 0.06, 0.14
"""Shares of the foot's mass in the bodies that OpenSim cuts off the calcaneus."""


@dataclass(frozen=True)
class Shape:
    """A person's proportions: lengths as shares of the body height, widths as factors of the usual ones.

    De Leva's female thigh (0.212 heights) begins at a hip joint that lies lower than OpenSim's, so that both sexes
    have Drillis and Contini's legs here (Winter 2009, figure 4.1).
    """

    thigh: float = 0.242
    shank: float = 0.246
    arm: float = 1.0
    foot: float = 1.0
    hips: float = 1.0
    shoulders: float = 1.0
    gait_model: float = 0.75
    """How far masses, centres and inertias of the segments are those of Rajagopal et al. (2016) rather than de Leva's,
    0 to 1: the two disagree (the trunk has 36 or 43 % of the mass), and laboratories label with the former."""


RAJAGOPAL_MASS, RAJAGOPAL_HEIGHT = 75.1646, 1.70
RAJAGOPAL: dict[str, tuple[float, tuple[float, float, float], tuple[float, float, float], float]] = {
    "pelvis": (11.777, (-0.0707, 0.0, 0.0), (0.1028, 0.0871, 0.0579), 0.0),
    "torso": (26.8266, (-0.03, 0.32, 0.0), (1.4745, 0.7555, 1.4314), 0.3715),
    "femur": (9.3014, (0.0, -0.17, 0.0), (0.1339, 0.0351, 0.1412), 0.4096),
    "tibia": (3.7075, (0.0, -0.1867, 0.0), (0.0504, 0.0051, 0.0511), 0.4000),
    "talus": (0.1, (0.0, 0.0, 0.0), (0.001, 0.001, 0.001), 0.0),
    "calcn": (1.25, (0.1, 0.03, 0.0), (0.0014, 0.0039, 0.0041), 0.0),
    "toes": (0.2166, (0.0346, 0.006, 0.0), (0.0001, 0.001, 0.001), 0.0),
    "humerus": (2.0325, (0.0, -0.164502, 0.0), (0.011946, 0.004121, 0.013409), 0.2863),
    "ulna": (0.6075, (0.0, -0.120525, 0.0), (0.002962, 0.000618, 0.003213), 0.2359),
    "radius": (1.065, (0.0, -0.2000, 0.0), (0.0144, 0.0012, 0.0152), 0.2359),
}
"""Rajagopal et al. (2016), IEEE Trans. Biomed. Eng. 63(10):2068-2079, the generic full-body model (without
patellae): mass kg,
centre of mass m, principal moments kg·m^2 and the length along y that scales them, m (0: the body height does). The
radius bears the hand; the toes' moments, which no body can have, are a rod's."""
RAJAGOPAL_WAIST = np.array([-0.1007, 0.0815, 0.0]) / RAJAGOPAL_HEIGHT
"""Its lumbar joint in the pelvis frame, body heights."""

THIGH_CENTRE = 0.4095
"""Centre of mass of a thigh of Winter's length from the hip, share of its length (de Leva's men)."""


@dataclass(frozen=True)
class Subject:
    """A made-up person: mass kg, height m, sex 'f' or 'm', and the seed of the markers' places."""

    name: str
    mass: float
    height: float
    sex: str
    marker_seed: int = 0
    shape: Shape | None = None
    """Proportions of this person; None: those of de Leva's reference subject."""


@dataclass(frozen=True)
class Inertia:
    """Mass kg, centre of mass [3] m and inertia [3, 3] kg·m^2 about it."""

    mass: float
    com: np.ndarray
    matrix: np.ndarray

    def about(self, point: np.ndarray) -> np.ndarray:
        """Return the inertia [3, 3] about another point (parallel axes)."""
        r = self.com - point
        return self.matrix + self.mass * (r @ r * np.eye(3) - np.outer(r, r))

    def __add__(self, other: Inertia) -> Inertia:
        mass = self.mass + other.mass
        com = (self.mass * self.com + other.mass * other.com) / mass
        return Inertia(mass, com, self.about(com) + other.about(com))

    def __sub__(self, other: Inertia) -> Inertia:
        mass = self.mass - other.mass
        com = (self.mass * self.com - other.mass * other.com) / mass
        rest = Inertia(mass, com, np.zeros((3, 3)))
        return Inertia(mass, com, self.about(com) - other.about(com) - rest.about(com))


def segment_lengths(subject: Subject) -> dict[str, float]:
    """Return the segment lengths, m: de Leva's, scaled so that ankle height, leg, trunk and head make up the height."""
    table = DE_LEVA[subject.sex]
    stacked = sum(table[s][0] for s in ("head", "upper_trunk", "middle_trunk", "lower_trunk", "thigh", "shank"))
    scale = subject.height * (1 - ANKLE_HEIGHT) / stacked
    lengths = {segment: row[0] * scale for segment, row in table.items()}
    shape = subject.shape
    if shape is not None:
        lengths["thigh"], lengths["shank"] = shape.thigh * subject.height, shape.shank * subject.height
        trunk = ("head", "upper_trunk", "middle_trunk", "lower_trunk")
        left = subject.height * (1 - ANKLE_HEIGHT) - lengths["thigh"] - lengths["shank"]
        scale = left / sum(table[s][0] for s in trunk)
        lengths |= {s: table[s][0] * scale for s in trunk}
        lengths |= {s: shape.arm * lengths[s] for s in ("upper_arm", "forearm", "hand")}
    lengths["shoulder_above_hip"] = SHOULDER_ABOVE_HIP[subject.sex] * scale
    if shape is not None:
        lengths["shoulder_above_hip"] = (SHOULDER_HEIGHT - ANKLE_HEIGHT - shape.thigh - shape.shank) * subject.height
    lengths["shoulder_width"] = 2 * (0.100 if subject.sex == "f" else 0.106) * subject.height
    if shape is not None:
        lengths["shoulder_width"] *= shape.shoulders
    return lengths


def segment_inertias(subject: Subject) -> dict[str, Inertia]:
    """Return the inertia of every MuJoCo body in its own frame; the masses sum to the subject's (de Leva 1996)."""
    table, lengths, h = DE_LEVA[subject.sex], segment_lengths(subject), subject.height
    paired = ("upper_arm", "forearm", "hand", "thigh", "shank", "foot")
    total = sum(row[1] * (2 if segment in paired else 1) for segment, row in table.items())

    def inertia(segment: str, com: tuple[float, float, float], share: float = 1.0, along: int = 1) -> Inertia:
        """Make a segment's inertia with its centre of mass at ``com`` and its length along axis ``along``."""
        _, mass, _, sagittal, transverse, longitudinal = table[segment]
        kg = share * mass / total * subject.mass
        radii = (sagittal, longitudinal, transverse) if along == 1 else (longitudinal, sagittal, transverse)
        return Inertia(kg, np.array(com), np.diag([kg * (r * lengths[segment]) ** 2 for r in radii]))

    def from_top(segment: str) -> float:
        """Return the distance of a segment's centre of mass below its first landmark, m."""
        share = THIGH_CENTRE if segment == "thigh" and subject.shape is not None else table[segment][2]
        return share * lengths[segment]

    chest = lengths["middle_trunk"] + lengths["upper_trunk"]
    torso = (
        inertia("middle_trunk", (0.002 * h, lengths["middle_trunk"] - from_top("middle_trunk"), 0))
        + inertia("upper_trunk", (0.000 * h, chest - from_top("upper_trunk"), 0))
        + inertia("head", (0.014 * h, chest + lengths["head"] - from_top("head"), 0))
    )
    # The foot's frame is the calcaneus': its heel lies 0.016 heights behind the origin.
    foot = inertia("foot", (from_top("foot") - 0.016 * h, 0.006 * h, 0), along=0)
    rod = np.diag([0.1, 1.0, 1.0])
    talus = Inertia(TALUS_SHARE * foot.mass, np.zeros(3), TALUS_SHARE * foot.mass * (0.012 * h) ** 2 * np.eye(3))
    toes = Inertia(TOES_SHARE * foot.mass, np.array([0.015 * h, 0, 0]), TOES_SHARE * foot.mass * (0.012 * h) ** 2 * rod)
    ankle, mtp = foot_points(subject)
    calcn = foot - Inertia(talus.mass, ankle, talus.matrix) - Inertia(toes.mass, mtp + toes.com, toes.matrix)
    arm = {
        "humerus": inertia("upper_arm", (0, -from_top("upper_arm"), 0)),
        "ulna": inertia("forearm", (0, -from_top("forearm"), 0), share=0.5),
        "radius": inertia("forearm", (0, -from_top("forearm"), 0), share=0.5)
        + inertia("hand", (0, -lengths["forearm"] - from_top("hand"), 0)),
    }
    leg = {
        "femur": inertia("thigh", (0, -from_top("thigh"), 0)),
        "tibia": inertia("shank", (0, -from_top("shank"), 0)),
        "talus": talus,
        "calcn": calcn,
        "toes": toes,
    }
    hip = hip_centre_of(subject)
    pelvis = inertia("lower_trunk", (hip[0] - 0.010 * h, hip[1] + lengths["lower_trunk"] - from_top("lower_trunk"), 0))
    found = {"pelvis": pelvis, "torso": torso} | {f"{b}_{s}": i for b, i in (leg | arm).items() for s in "rl"}
    if subject.shape is None:
        return found
    return {b: _blend(i, _gait_model_inertia(b, subject, lengths), subject.shape.gait_model) for b, i in found.items()}


def _gait_model_inertia(name: str, subject: Subject, lengths: dict[str, float]) -> Inertia:
    """Return the inertia that Rajagopal's model has for a body, scaled to a subject."""
    mass, com, moments, length = RAJAGOPAL[name.split("_")[0]]
    tall = subject.height / RAJAGOPAL_HEIGHT
    own = {"femur": "thigh", "tibia": "shank", "humerus": "upper_arm", "ulna": "forearm", "radius": "forearm"}
    along = tall
    if name == "torso":
        along = (lengths["shoulder_above_hip"] - lengths["lower_trunk"]) / length
    elif name.split("_")[0] in own:
        along = lengths[own[name.split("_")[0]]] / length
    kg = mass * subject.mass / RAJAGOPAL_MASS
    matrix = np.diag(moments) * subject.mass / RAJAGOPAL_MASS * along * along
    return Inertia(kg, np.array(com) * [tall, along, tall], matrix)


def _blend(first: Inertia, second: Inertia, share: float) -> Inertia:
    """Return the inertia that lies between two, ``share`` of the way to the second."""

    def between(a, b):
        return (1 - share) * a + share * b

    return Inertia(
        between(first.mass, second.mass), between(first.com, second.com), between(first.matrix, second.matrix)
    )


def hip_centre_of(subject: Subject) -> np.ndarray:
    """Return the right hip centre in the pelvis frame [3] m (its origin lies between the ASIS)."""
    centre = np.array([-0.037, -0.052, 0.051]) * subject.height
    return centre if subject.shape is None else centre * [1, 1, subject.shape.hips]


def foot_points(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Return ankle centre and toe joint in the calcaneus frame [3] m."""
    ankle, mtp = np.array([0.031, 0.027, 0.0]) * subject.height, np.array([0.096, 0.0, 0.0]) * subject.height
    if subject.shape is not None:
        mtp = np.array([0.105, 0.0, 0.0]) * subject.height * subject.shape.foot
    return ankle, mtp
