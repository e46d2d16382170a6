"""Plans of the eight actions, with per-subject and per-trial variation.

Everything is first laid out with the person facing +x, then turned to the trial's heading.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vidzoo.synthetic.body import Body
from vidzoo.synthetic.drop_jump import plan_drop_jump
from vidzoo.synthetic.plan import Plan, turn_plan
from vidzoo.synthetic.postures import Style
from vidzoo.synthetic.standing import plan_sit_to_stand, plan_squat
from vidzoo.synthetic.walking import plan_walk

PLANNERS: dict[str, tuple[Callable[..., Plan], dict[str, bool]]] = {
    "DJ": (plan_drop_jump, {}),
    "DJAsym": (plan_drop_jump, {"asymmetric": True}),
    "squats": (plan_squat, {}),
    "squatsAsym": (plan_squat, {"asymmetric": True}),
    "STS": (plan_sit_to_stand, {}),
    "STSweakLegs": (plan_sit_to_stand, {"weak_legs": True}),
    "walking": (plan_walk, {}),
    "walkingTS": (plan_walk, {"sway": True}),
}
"""Action -> its planner and the arguments."""


def plan_motion(body: Body, family: str, rng: np.random.Generator, style: Style) -> Plan:
    """Plan a trial of an action, with a heading (within 8 degrees of +x) and a place on the floor drawn for it."""
    planner, options = PLANNERS[family]
    plan = planner(body, rng, style, **options)
    return turn_plan(plan, np.radians(rng.uniform(-8, 8)), rng.uniform(-0.15, 0.15, 2))
