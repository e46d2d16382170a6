"""The one contract between data and model: what goes in, what comes out, and of which frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from vidzoo.anatomy import COORDINATES
from vidzoo.errors import ConfigError, DataError

LANDMARK_MODALITIES: tuple[str, ...] = ("landmarks", "landmark_visibility", "landmarks_world", "landmark_valid")
"""Those of MODALITIES that are seen by a camera."""
MODALITIES: tuple[str, ...] = (
    "frames",
    "markers",
    "marker_valid",
    "marker_velocities",
    "coordinates",
    "coordinate_velocities",
    "inertial_torques",
    "foot_jacobians",
    "physics_wrenches",
    *LANDMARK_MODALITIES,
    "mass",
    "height",
)
"""What a model can take as input; see ``structures.Inputs`` for their shapes."""
MARKER_FRAMES: tuple[str, ...] = ("camera", "ground")
NUM_EXAMPLE_MOTIONS = 1024
"""Frames of the training subset that a model may keep as examples; where there are fewer, some are repeated."""
RATE_TOLERANCE = 1e-3
"""Two rates that differ by a smaller share are the same rate."""


@dataclass(frozen=True)
class TaskSpec:
    """What a model takes and predicts; a field that is None or empty says nothing.

    An estimator declares it (``estimator.task``), a data set says what it gives (``dataset.task``), checkpoints and
    predictions keep it. Wherever two of them meet they are compared by :meth:`contradiction`.

    Raises:
        ConfigError: a field's value is none that it can have.
    """

    requires: Sequence[str] = ()
    """Names of the inputs, some of ``MODALITIES``; their order has no meaning."""
    window: int | None = None
    """T, frames that one prediction sees."""
    target_index: int | None = None
    """Which of them is predicted, 0 to T - 1."""
    torques: Sequence[str] = ()
    """Names of the Q predicted torques, some of ``anatomy.COORDINATES``, in the order of their columns."""
    marker_frame: str | None = None
    """Axes of the predicted markers: 'camera' or 'ground'."""
    image_size: int | None = None
    """S, side of the images in pixels."""
    rate_hz: float | None = None
    """Frames per second."""

    def __post_init__(self) -> None:
        for name in ("requires", "torques"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise ConfigError(f"{name}={value!r} must be a list of names.")
            object.__setattr__(self, name, tuple(value))
        for name, known in (("requires", MODALITIES), ("torques", COORDINATES)):
            value = getattr(self, name)
            if not set(value) <= set(known) or len(set(value)) < len(value):
                raise ConfigError(f"{name}={list(value)} must be some of {', '.join(known)}, each once.")
        for name in ("window", "image_size"):
            value = getattr(self, name)
            if value is not None and (not _is_whole(value) or value < 1):
                raise ConfigError(f"{name}={value!r} must be a whole number, 1 or more.")
        if self.target_index is not None and (
            not _is_whole(self.target_index) or self.window is None or not 0 <= self.target_index < self.window
        ):
            raise ConfigError(
                f"target_index={self.target_index!r} must be one of the {self.window} frames of the window, 0 to "
                f"window - 1."
            )
        if self.marker_frame not in (*MARKER_FRAMES, None):
            raise ConfigError(f"marker_frame={self.marker_frame!r} must be {' or '.join(MARKER_FRAMES)}, or None.")
        rate = self.rate_hz
        if rate is not None and not (isinstance(rate, float | int) and 0 < rate < math.inf):
            raise ConfigError(f"rate_hz={rate!r} must be a number of frames per second above 0.")

    @classmethod
    def from_dict(cls, content: Any, source: str) -> TaskSpec:
        """Return the task that :meth:`to_dict` wrote; keys of other versions are passed over, absent ones say nothing.

        Raises:
            DataError: ``content`` is no such dict; the sentence begins with ``source``.
        """
        if not isinstance(content, Mapping):
            raise DataError(f"{source}: its task is {type(content).__name__}, expected a dict.")
        known = {field.name: content[field.name] for field in fields(cls) if content.get(field.name) is not None}
        try:
            return cls(**known)
        except (ConfigError, TypeError) as error:
            raise DataError(f"{source}: {str(error)[:500]}") from None

    def to_dict(self) -> dict[str, Any]:
        """Return the task as plain lists, numbers and texts for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def differences(self, other: TaskSpec) -> list[str]:
        """Return the names of the fields of which both say something, and not the same."""
        return [
            field.name
            for field in fields(self)
            if _says(getattr(self, field.name))
            and _says(getattr(other, field.name))
            and not _same(field.name, getattr(self, field.name), getattr(other, field.name))
        ]

    def contradiction(self, other: TaskSpec, here: str, there: str) -> str | None:
        """Return in which fields ``other`` contradicts, as a sentence without its end; None where it does not.

        Args:
            other: the task to compare with.
            here: the place that says ``self``, such as 'the model (DinoHybrid)'.
            there: the place that says ``other``.
        """
        names = self.differences(other)
        if not names:
            return None
        pairs = [_describe(name, getattr(other, name), getattr(self, name)) for name in names]
        theirs, ours = (" and ".join(parts) for parts in zip(*pairs))
        return f"{there} has {theirs}, but {here} has {ours}"


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _says(value: object) -> bool:
    return value is not None and value != ()


def _same(name: str, one: Any, other: Any) -> bool:
    if name == "rate_hz":
        return math.isclose(one, other, rel_tol=RATE_TOLERANCE)
    if name == "requires":
        return set(one) == set(other)
    return one == other


def _describe(name: str, value: Any, other: Any) -> tuple[str, str]:
    """Say a field's two values; of lists of names only what tells one from the other."""
    if name not in ("requires", "torques"):
        return f"{name}={value!r}", f"{name}={other!r}"
    if set(value) == set(other):
        place = next(i for i, (one, another) in enumerate(zip(value, other)) if one != another)
        return f"the torques in another order (torques[{place}]='{value[place]}')", f"torques[{place}]='{other[place]}'"
    what = "inputs" if name == "requires" else "torques"
    return _names(value, other, what), _names(other, value, what)


def _names(names: Sequence[str], others: Sequence[str], what: str) -> str:
    own = [name for name in names if name not in others]
    count = f"{len(names)} {what if len(names) != 1 else what[:-1]}"
    if not own:
        return count
    return f"{count} ({', '.join(own)})" if len(own) == len(names) else f"{count}, among them {', '.join(own)}"
