"""Make one synthetic trial: a made-up person performs an action and is drawn from some cameras."""

from __future__ import annotations

import numpy as np

from vidzoo.anatomy import ACTION_FAMILIES, COORDINATES
from vidzoo.errors import VidZooError
from vidzoo.io.data_file import CameraTrack, Trial
from vidzoo.synthetic.body import Body, build_body
from vidzoo.synthetic.camera import AZIMUTHS, aim
from vidzoo.synthetic.drawing import draw_frames, to_jpeg
from vidzoo.synthetic.dynamics import Performance, perform
from vidzoo.synthetic.figure import at_video_times, trace
from vidzoo.synthetic.look import Clothes, Look
from vidzoo.synthetic.motion import plan_motion
from vidzoo.synthetic.plan import lower
from vidzoo.synthetic.postures import RATE_HZ, Style
from vidzoo.synthetic.room import Room, furniture
from vidzoo.synthetic.segments import Subject
from vidzoo.synthetic.solver import OutOfReachError

_STYLE, _CLOTHES, _PERSON = 101, 102, 103
"""Third seeds, which separate the draws of a person from those of their trials."""


def draw_subject(seed: int, index: int) -> Subject:
    """Draw person number ``index``: women and men in turn, height and body-mass index around their means."""
    rng = np.random.default_rng([seed, index, _PERSON])
    sex = "fm"[index % 2]
    mean, spread = (1.66, 0.05) if sex == "f" else (1.78, 0.06)
    height = round(float(np.clip(rng.normal(mean, spread), 1.50, 1.96)), 3)
    mass = round(float(np.clip(rng.normal(22.5, 1.8), 18.5, 28.0)) * height**2, 1)
    return Subject(f"subject{index + 1}", mass, height, sex, int(rng.integers(2**31)))


def perform_trial(body: Body, family: str, rng: np.random.Generator, style: Style) -> Performance:
    """Perform an action, with the centre of mass a little lower where a leg is too short for the plan.

    Raises:
        OutOfReachError: a leg is too short even then.
    """
    plan = plan_motion(body, family, rng, style)
    for by in np.arange(0, 0.12, 0.004):
        try:
            return perform(body, lower(plan, by))
        except OutOfReachError as error:
            reason = error
    raise reason


def make_trial(
    seed: int, subject_index: int, family: str, number: int, image_size: int = 128, cameras: int = 1
) -> Trial:
    """Make one trial: motion, torques, markers and drawings; the same arguments always give the same trial.

    The torques come from the motion's exact derivatives. The velocities in the file are central differences, as in
    recordings, so that a model gets the same quantity from both.

    Raises:
        VidZooError: the motion cannot be performed with this body.
    """
    subject = draw_subject(seed, subject_index)
    body = build_body(subject)
    style = Style.draw(np.random.default_rng([seed, subject_index, _STYLE]))
    clothes = Clothes.draw(np.random.default_rng([seed, subject_index, _CLOTHES]), subject_index)
    rng = np.random.default_rng([seed, subject_index, ACTION_FAMILIES.index(family), number])
    try:
        performance = perform_trial(body, family, rng, style)
    except (OutOfReachError, np.linalg.LinAlgError) as error:
        raise VidZooError(
            f"seed {seed}: {subject.name} cannot perform {family}{number} ({type(error).__name__}: {error}); give "
            f"another --seed."
        ) from error
    markers, points = trace(body, performance.coordinates, COORDINATES)
    room = Room(rng, furniture(family, subject.height, points))
    dt = 1 / RATE_HZ
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
        time=performance.time,
        markers=markers,
        marker_velocities=np.gradient(markers, dt, axis=0),
        coordinates=performance.coordinates,
        coordinate_velocities=np.gradient(performance.coordinates, dt, axis=0),
        torques=performance.torques,
        validity=np.zeros(performance.torques.shape, np.uint8),
        inertial_torques=performance.inertial_torques,
        foot_jacobians=performance.foot_jacobians,
        grf=performance.grf,
        cameras=_film(rng, body, performance.time, markers, points, clothes, room, image_size, cameras),
    )


def _film(
    rng: np.random.Generator,
    body: Body,
    time: np.ndarray,
    markers: np.ndarray,
    points: dict[str, np.ndarray],
    clothes: Clothes,
    room: Room,
    image_size: int,
    cameras: int,
) -> dict[str, CameraTrack]:
    """Draw the figure's points [F, 3] m from each camera, at a video's times."""
    video_time, drawn = at_video_times(time, points)
    video_index = np.abs(video_time[None] - time[:, None]).argmin(axis=1)
    around = np.concatenate([markers.reshape(-1, 3), *points.values()])
    tracks = {}
    for number, azimuth in enumerate(AZIMUTHS[:cameras]):
        camera = aim(around, azimuth + rng.uniform(-12, 12), rng.uniform(1.0, 1.6), rng.uniform(3.2, 4.6), image_size)
        tracks[f"Cam{number}"] = CameraTrack(
            jpegs=[
                to_jpeg(i) for i in draw_frames(drawn, body.subject.height, camera, Look(clothes), room, image_size)
            ],
            video_time=video_time,
            video_index=video_index,
            crop=np.tile([0.0, 0.0, image_size, image_size], (len(video_time), 1)),
            kind="synthetic",
            source_size=(image_size, image_size),
            intrinsics=camera.intrinsics,
            rotation=camera.rotation,
            translation=camera.translation,
        )
    return tracks
