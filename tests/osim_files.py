"""Write skeletons as OpenSim's .osim files; needs OpenSim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidzoo.anatomy import GRAVITY, TRANSLATIONS

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Segment:
    """A body and the joint that hangs it on its parent; at rest their axes are parallel."""

    name: str
    parent: str
    place: Sequence[float]
    """[3] m: of the joint, in the parent."""
    axes: dict[str, Vector]
    """The axis about which each coordinate turns the body, up to three in order; along which it moves it."""
    mass: float
    """kg."""
    centre: Sequence[float]
    """[3] m: of mass."""
    inertia: np.ndarray
    """[3, 3] kg·m^2 about the centre of mass."""


def build_model(segments: Sequence[Segment]) -> tuple[Any, dict[str, Any]]:
    """Return an OpenSim model of segments, parents first, and its bodies by name, 'ground' among them."""
    import opensim

    opensim.Logger.setLevelString("Off")
    opensim.Logger.removeFileSink()
    model = opensim.Model()
    model.setGravity(opensim.Vec3(0, -GRAVITY, 0))
    bodies, zero = {"ground": model.getGround()}, opensim.Vec3(0)
    for segment in segments:
        i = segment.inertia
        moments = map(float, (i[0, 0], i[1, 1], i[2, 2], i[0, 1], i[0, 2], i[1, 2]))
        body = opensim.Body(segment.name, segment.mass, _vec3(segment.centre), opensim.Inertia(*moments))
        transform = _transform(segment.axes)
        joint = opensim.CustomJoint(
            f"to_{segment.name}", bodies[segment.parent], _vec3(segment.place), zero, body, zero, zero, transform
        )
        model.addBody(body)
        model.addJoint(joint)
        bodies[segment.name] = body
    return model, bodies


def save_model(model: Any, path: Path) -> None:
    """Write a model as an .osim file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    model.finalizeConnections()
    model.printToXML(str(path))


def _vec3(values: Sequence[float]) -> Any:
    import opensim

    return opensim.Vec3(*map(float, values))


def _transform(axes: dict[str, Vector]) -> Any:
    """Return the motion of a joint: three rotations one after the other, then three translations."""
    import opensim

    turns = [(name, axis) for name, axis in axes.items() if name not in TRANSLATIONS]
    # OpenSim wants three axes of rotation of which no two are parallel, even where nothing turns about them.
    spare = [axis for axis in (X, Y, Z) if all(abs(np.dot(axis, used)) < 0.9 for _, used in turns)]
    turns += [("", axis) for axis in spare[: 3 - len(turns)]]
    moves = [(name if name in axes else "", axis) for name, axis in zip(TRANSLATIONS, (X, Y, Z))]
    transform = opensim.SpatialTransform()
    for i, (name, axis) in enumerate(turns + moves):
        target = transform.updTransformAxis(i)
        target.setAxis(_vec3(np.array(axis) / np.linalg.norm(axis)))
        if name:
            names = opensim.ArrayStr()
            names.append(name)
            target.setCoordinateNames(names)
            target.set_function(opensim.LinearFunction(1.0, 0.0))
    return transform
