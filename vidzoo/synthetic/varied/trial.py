"""Make people as they vary, and trials of their motion without pictures (``vidzoo draw`` draws them)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vidzoo.anatomy import ACTION_FAMILIES, COORDINATES, PELVIS_COORDINATES
from vidzoo.errors import VidZooError
from vidzoo.io.data_file import Trial
from vidzoo.io.data_file.layout import Reason
from vidzoo.synthetic.body import Body, build_body
from vidzoo.synthetic.dynamics import Performance
from vidzoo.synthetic.figure import trace
from vidzoo.synthetic.postures import RATE_HZ
from vidzoo.synthetic.segments import Shape, Subject
from vidzoo.synthetic.solver import OutOfReachError
from vidzoo.synthetic.varied.common import Manner
from vidzoo.synthetic.varied.gait import walk
from vidzoo.synthetic.varied.landing import drop_jump
from vidzoo.synthetic.varied.rising import rise_and_sit
from vidzoo.synthetic.varied.squatting import squat

_PERSON, _MANNER = 103, 104
"""Third seeds, which separate the draws of a person from those of their trials."""
MAX_TRIES = 20
"""Draws of a trial before it counts as impossible."""
SEATED = 0.05
"""Share of the load on a seat from which on the pelvis' forces lack it."""

ACTORS: dict[str, tuple[Callable[..., Performance], dict[str, bool]]] = {
    "DJ": (drop_jump, {}),
    "DJAsym": (drop_jump, {"asymmetric": True}),
    "squats": (squat, {}),
    "squatsAsym": (squat, {"asymmetric": True}),
    "STS": (rise_and_sit, {}),
    "STSweakLegs": (rise_and_sit, {"weak_legs": True}),
    "walking": (walk, {}),
    "walkingTS": (walk, {"sway": True}),
}
"""Action -> what performs it, and the arguments."""


def draw_person(seed: int, index: int) -> Subject:
    """Draw person number ``index``: women and men in turn.

    Height: NCD-RisC (2016), eLife 5:e13410, women 1.65 and men 1.78 m (young adults of Europe and North America), with
    the usual 4 % spread. Body-mass index around 22.3 and 23.5 kg/m^2, as in young active adults. Lengths of the leg's
    segments 0.242 and 0.246 heights (Winter 2009) with a spread of 2.5 % (Gordon et al. 2014, ANSUR II: crotch height
    and knee height); widths and arms vary by 3 to 6 %.
    """
    rng = np.random.default_rng([seed, index, _PERSON])
    sex = "fm"[index % 2]

    def draw(mean: float, spread: float, low: float, high: float) -> float:
        return float(np.clip(rng.normal(mean, spread), low, high))

    height = round(draw(*((1.65, 0.065) if sex == "f" else (1.78, 0.07)), 1.48, 2.0), 3)
    mass = round(draw(22.3 if sex == "f" else 23.5, 2.6, 17.5, 31.0) * height**2, 1)
    shape = Shape(
        thigh=draw(0.242, 0.006, 0.228, 0.256), shank=draw(0.246, 0.006, 0.232, 0.260), arm=draw(1, 0.03, 0.93, 1.07),
        foot=draw(1, 0.04, 0.90, 1.10), hips=draw(1, 0.06, 0.86, 1.14), shoulders=draw(1, 0.04, 0.90, 1.10),
        gait_model=rng.uniform(0.5, 1),
    )  # fmt: skip
    return Subject(f"person{index + 1}", mass, height, sex, int(rng.integers(2**31)), shape)


def perform_varied(body: Body, family: str, manner: Manner, seed: list[int]) -> Performance:
    """Perform an action with draws from ``seed``; draws that cannot be performed are drawn again.

    Raises:
        OutOfReachError: none of many draws can be performed.
    """
    act, options = ACTORS[family]
    reason: Exception = OutOfReachError("")
    for attempt in range(MAX_TRIES):
        try:
            return act(body, np.random.default_rng([*seed, attempt]), manner, **options)
        except (OutOfReachError, np.linalg.LinAlgError, ValueError) as error:
            reason = error
    raise OutOfReachError(f"{MAX_TRIES} draws; the last: {reason}")


def make_varied_trial(seed: int, index: int, family: str, number: int) -> Trial:
    """Make one trial of motion; the same arguments always give the same trial.

    While a seat carries a part of the load, which is not in the file, the pelvis' forces are marked as off the plates.

    Raises:
        VidZooError: the motion cannot be performed with this body.
    """
    subject = draw_person(seed, index)
    body = build_body(subject)
    manner = Manner.draw(np.random.default_rng([seed, index, _MANNER]))
    try:
        done = perform_varied(body, family, manner, [seed, index, ACTION_FAMILIES.index(family), number])
    except OutOfReachError as error:
        raise VidZooError(
            f"seed {seed}: {subject.name} cannot perform {family}{number} ({error}); give another --seed."
        ) from error
    markers, _ = trace(body, done.coordinates, COORDINATES)
    validity = np.zeros(done.torques.shape, np.uint8)
    pelvis = slice(0, len(PELVIS_COORDINATES))  # the first coordinates
    validity[done.seat_share > SEATED, pelvis] = Reason.OFF_PLATE
    return Trial(
        subject=subject.name,
        trial=f"{family}{number}",
        action=family,
        rate_hz=RATE_HZ,
        mass_kg=subject.mass,
        mass_source="synthetic",
        height_m=subject.height,
        sex=subject.sex,
        motion="synthetic",
        time=done.time,
        markers=markers,
        marker_velocities=np.gradient(markers, 1 / RATE_HZ, axis=0),
        coordinates=done.coordinates,
        coordinate_velocities=np.gradient(done.coordinates, 1 / RATE_HZ, axis=0),
        torques=done.torques,
        validity=validity,
        inertial_torques=done.inertial_torques,
        foot_jacobians=done.foot_jacobians,
        grf=done.grf,
    )
