"""Draw the motion of any data file as made-up people, from many places, with the torques that the file has.

Each person and each place is a camera of the trial that is drawn: motion, torques, subject and trial stay what they
were, so that what a split promises of subjects, trials and actions holds for the drawn people too.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from vidzoo.anatomy import ACTION_FAMILIES, COORDINATES
from vidzoo.errors import ConfigError, DataError, VidZooError
from vidzoo.io.atomic import atomic_path, check_folder, check_output, remove_leftovers
from vidzoo.io.data_file import CameraTrack, DataFile, DataFileWriter, LandmarkTrack, Trial, TrialReader
from vidzoo.io.data_file.layout import ARRAYS, OPTIONAL, TRIAL_NUMBERS, TRIAL_TEXTS
from vidzoo.io.data_file.merge import copy_part
from vidzoo.io.provenance import commit, processor
from vidzoo.synthetic.body import Body
from vidzoo.synthetic.camera import Camera, aim
from vidzoo.synthetic.drawing import draw_frames, to_jpeg
from vidzoo.synthetic.figure import at_video_times, lift_head, trace
from vidzoo.synthetic.look import Look
from vidzoo.synthetic.proportions import MAX_FRAMES, recorded_body
from vidzoo.synthetic.room import Room, furniture
from vidzoo.synthetic.truth import true_landmarks
from vidzoo.synthetic.workers import do_all

Eyes = Callable[[Sequence[Iterator[np.ndarray]], np.ndarray], Sequence[LandmarkTrack]]
"""Finds the landmarks of one person in the images, uint8 [s, s, 3] RGB, of several cameras at the same times [V] s."""
HEIGHT_M, DISTANCE_M = (0.8, 2.0), (2.8, 6.0)
"""Where cameras stand: above the floor, and from the middle of the motion; in all directions alike."""
_FACING = 0.8
"""Cosine of the angle to the x axis up to which a person is thought to face along it, as stool and box need."""


@dataclass(frozen=True)
class DrawOptions:
    """What is drawn."""

    people: int = 1
    """Made-up people as whom each trial is drawn."""
    cameras: int = 1
    """Places from which each of them is seen."""
    image_size: int = 256
    """Side of the pictures, px."""
    fps: float = 60.0
    """Pictures a second."""
    seed: int = 0
    subjects: tuple[str, ...] = ()
    """Of whom the motion is drawn; empty: all."""
    actions: tuple[str, ...] = ()
    """Which are drawn; empty: all."""
    truth: bool = False
    """Draw nothing: keep the figure's points as the landmarks that perfect eyes would see."""


def draw_data_file(
    data: str | Path,
    out: str | Path,
    options: DrawOptions | None = None,
    jobs: int | None = None,
    make_eyes: Callable[[], Eyes] | None = None,
) -> list[dict[str, Any]]:
    """Draw a data file's motion into the data file ``out``; return a line per trial for a table.

    What is done is kept in the folder ``OUT.parts`` until all is there; the same call goes on where a stopped one
    ended. The content does not depend on ``jobs``.

    Args:
        data: the data file whose motion is drawn; its own cameras are left out.
        out: the data file to write.
        options: what is drawn; None: the defaults.
        jobs: processes; None: one per core.
        make_eyes: makes in each process what finds the landmarks that are kept instead of the pictures; None: the
            pictures are kept.

    Raises:
        ConfigError: a number is out of its range, or ``OUT.parts`` belongs to another drawing.
        DataError: ``data`` cannot be read, has no such subjects or actions or no coordinates, or ``out`` cannot be
            written.
        VidZooError: a worker process died.
    """
    options = options or DrawOptions()
    _check(options, jobs)
    check_output(out, data)
    source = DataFile(data)
    keys = source.trial_keys()
    chosen = [i for i, key in enumerate(keys) if _is_chosen(source.trial(*key), options)]
    if not chosen:
        raise DataError(
            f"{data}: holds no trial of {', '.join((*options.subjects, *options.actions)) or 'anybody'}; it has the "
            f"subjects {', '.join(sorted({subject for subject, _ in keys}))}."
        )
    settings = {
        "generator": "draw", "drawn_from": source.content_hash, "drawn_settings": source.settings, **asdict(options),
        "landmarks": make_eyes is not None,
    }  # fmt: skip
    source.close()
    parts = Path(out).with_name(Path(out).name + ".parts")
    _begin(parts, settings, out)
    tasks = [(i, person) for i in chosen for person in range(options.people)]
    left = [task for task in tasks if not _part(parts, *task).is_file()]
    prepare = (str(data), options, str(parts), make_eyes)
    with closing(do_all(_draw, left, jobs or os.cpu_count() or 1, _prepare, prepare)) as done:
        text = "drawing" if len(left) == len(tasks) else f"drawing, {len(tasks) - len(left)} of {len(tasks)} were there"
        try:
            for _ in track(done, description=text, total=len(left), console=Console(stderr=True)):
                pass
        except BrokenProcessPool:
            raise VidZooError(
                f"{out}: a worker process died (out of memory?); what is drawn is kept, try again with fewer --jobs."
            ) from None
    rows = _merge(Path(out), settings, parts, tasks)
    shutil.rmtree(parts)
    return rows


def _check(options: DrawOptions, jobs: int | None) -> None:
    limits = {
        "--people": (options.people, 1, 10_000), "--cameras": (options.cameras, 1, 100),
        "--image-size": (options.image_size, 32, 1024), "--fps": (options.fps, 1, 240),
        "--seed": (options.seed, 0, 2**31 - 1), "--jobs": (1 if jobs is None else jobs, 1, 1024),
    }  # fmt: skip
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise ConfigError(f"{name} is {value}; give a number from {low} to {high}.")
    for action in options.actions:
        if action not in ACTION_FAMILIES:
            names = ", ".join(ACTION_FAMILIES)
            raise ConfigError(f"--actions {action}: there is no such action; give some of {names}.")


def _is_chosen(trial: TrialReader, options: DrawOptions) -> bool:
    return (not options.subjects or trial.subject in options.subjects) and (
        not options.actions or trial.action in options.actions
    )


def _begin(parts: Path, settings: dict[str, Any], out: str | Path) -> None:
    """Make the folder of the parts, or check that it holds some of this drawing."""
    check_folder(parts)
    note, text = parts / "settings.json", json.dumps(settings, sort_keys=True)
    if note.is_file():
        if note.read_text(encoding="utf-8") != text:
            raise ConfigError(
                f"{parts}: holds a part of another drawing; remove the folder, give the arguments of that drawing, or "
                f"name another file than {out}."
            )
        remove_leftovers(parts, "*.h5")
        return
    parts.mkdir(exist_ok=True)
    with atomic_path(note) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _part(parts: Path, trial: int, person: int) -> Path:
    """Return the file of one trial, by its number in the data file, drawn as one person."""
    return parts / f"{trial:06d}_{person:05d}.h5"


def _merge(out: Path, settings: dict[str, Any], parts: Path, tasks: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Put the parts together, a trial at a time; return a line per trial."""
    rows: dict[str, dict[str, Any]] = {}
    with DataFileWriter(out, settings) as writer:
        for task in track(tasks, description="putting together", console=Console(stderr=True)):
            name, told = copy_part(writer, _part(parts, *task))
            row = rows.setdefault(name, told | {"images": 0, "cpu_s": 0.0})
            row["images"] += told["images"]
            row["cpu_s"] += told["cpu_s"]
    return list(rows.values())


def summary(rows: list[dict[str, Any]]) -> Table:
    """Return what was drawn as a table for the terminal: a line per subject and action."""
    table = Table(title="drawn trials")
    for column in ("subject", "action", "trials", "frames", "images", "images per CPU second"):
        table.add_column(column, justify="left" if column in ("subject", "action") else "right")
    groups = dict.fromkeys((row["subject"], row["action"]) for row in rows)
    of = {group: [row for row in rows if (row["subject"], row["action"]) == group] for group in groups}
    for group, some in (*of.items(), (("all", ""), rows)):
        frames, images, seconds = (sum(row[key] for row in some) for key in ("frames", "images", "cpu_s"))
        if some is rows:
            table.add_section()
        table.add_row(*group, str(len(some)), str(frames), str(images), f"{images / max(seconds, 1e-9):.0f}")
    return table


def speed(rows: list[dict[str, Any]], options: DrawOptions, landmarks: str | None) -> dict[str, Any]:
    """Return how fast it was, for a file of figures."""
    images, seconds = (sum(row[key] for row in rows) for key in ("images", "cpu_s"))
    return {
        "format": "vid-draw-speed", "version": 1, "commit": commit(), "machine": processor(), "images": images,
        "cpu_s": round(seconds, 2), "images_per_cpu_second": round(images / seconds, 1), "landmarks": landmarks,
        "image_size": options.image_size, "people": options.people, "cameras": options.cameras, "seed": options.seed,
    }  # fmt: skip


# --- in a worker process ----------------------------------------------------------------------------------------------
_worker: dict[str, Any] = {}
"""What the tasks of this process share."""


def _prepare(data: str, options: DrawOptions, parts: str, make_eyes: Callable[[], Eyes] | None) -> None:
    source = DataFile(data)
    eyes = make_eyes() if make_eyes is not None else None
    _worker.update(source=source, keys=source.trial_keys(), options=options, parts=Path(parts), eyes=eyes)
    _body.cache_clear()


def _draw(task: tuple[int, int]) -> None:
    """Draw one trial as one person and keep it as a data file of its own."""
    number, person = task
    options: DrawOptions = _worker["options"]
    trial: TrialReader = _worker["source"].trial(*_worker["keys"][number])
    begun = time.process_time()
    cameras = draw_trial(trial, _body(trial.subject), person, options, _worker["eyes"])
    images = sum(len(track.video_time) for track in cameras.values())
    settings = {
        "subject": trial.subject, "trial": trial.trial, "action": trial.action, "frames": trial.num_frames,
        "images": images, "cpu_s": time.process_time() - begun,
    }  # fmt: skip
    with DataFileWriter(_part(_worker["parts"], number, person), settings) as writer:
        writer.add(_copy(trial, cameras))


@lru_cache(maxsize=4)
def _body(subject: str) -> Body:
    """Return a subject's body, as long in every segment as the data file tells."""
    trials = [_worker["source"].trial(*key) for key in _worker["keys"] if key[0] == subject]
    frames = sum(trial.num_frames for trial in trials)
    some = slice(0, None, max(1, frames // (2 * MAX_FRAMES)))
    recordings = ((trial.array("coordinates", some), trial.array("markers", some)) for trial in trials)
    return recorded_body(trials[0].height_m, trials[0].sex, recordings, trials[0].mass_kg)


def _copy(trial: TrialReader, cameras: dict[str, CameraTrack]) -> Trial:
    """Return a trial with other cameras."""
    fields: dict[str, Any] = {name: getattr(trial, name) for name in (*TRIAL_NUMBERS, *TRIAL_TEXTS)}
    fields |= {name: trial.array(name) for name in ARRAYS if name not in OPTIONAL or trial.has(name)}
    return Trial(subject=trial.subject, trial=trial.trial, **fields, cameras=cameras)


def draw_trial(
    trial: TrialReader, body: Body, person: int, options: DrawOptions, eyes: Eyes | None = None
) -> dict[str, CameraTrack]:
    """Draw a trial as made-up person number ``person``; return what each camera sees, by the camera's name.

    Args:
        trial: F frames; its coordinates are drawn.
        body: of the recorded person's proportions (:func:`~vidzoo.synthetic.proportions.recorded_body`).
        person: look, surroundings and cameras follow from it, the subject, the trial and the seed.
        options: what is drawn.
        eyes: finds the landmarks that are kept instead of the pictures.

    Raises:
        DataError: the trial has no coordinates.
    """
    seed = [options.seed, zlib.crc32(f"{trial.subject}/{trial.trial}".encode()), person]
    rng = np.random.default_rng([*seed, 0])
    look = Look.draw(rng)
    coordinates = _without_gaps(trial)
    _, points = trace(body, coordinates, COORDINATES)
    points = lift_head(points, look.gaze)
    time_s = trial.array("time")
    video_time, drawn = at_video_times(time_s, points, options.fps)
    shown = np.abs(video_time[None] - time_s[:, None]).argmin(axis=1)
    around = np.concatenate(list(points.values()))
    room = Room(rng, _furniture(trial.action, body.subject.height, points))
    size = options.image_size
    places = [_place(around, np.random.default_rng([*seed, 1 + i]), size) for i in range(options.cameras)]
    films = [draw_frames(drawn, body.subject.height, place, look, room, size) for place in places]
    landmarks: Sequence[LandmarkTrack | None] = [None] * len(films)
    if options.truth:
        landmarks = [true_landmarks(drawn, place, size) for place in places]
    elif eyes is not None:
        landmarks = eyes([(image[..., ::-1] for image in film) for film in films], video_time)
    return {
        f"Person{person}Cam{i}": CameraTrack(
            jpegs=[to_jpeg(image) for image in film] if seen is None else [],
            landmarks=seen,
            video_time=video_time,
            video_index=shown,
            crop=np.tile([0.0, 0.0, size, size], (len(video_time), 1)),
            kind="synthetic" if trial.motion == "synthetic" else "rendered",
            source_size=(size, size),
            intrinsics=place.intrinsics,
            rotation=place.rotation,
            translation=place.translation,
        )
        for i, (place, film, seen) in enumerate(zip(places, films, landmarks))
    }


def _place(around: np.ndarray, rng: np.random.Generator, size: int) -> Camera:
    """Return a camera anywhere round points [n, 3] m."""
    return aim(around, rng.uniform(-180, 180), rng.uniform(*HEIGHT_M), rng.uniform(*DISTANCE_M), size)


def _without_gaps(trial: TrialReader) -> np.ndarray:
    """Return a trial's coordinates [F, C] with gaps bridged in time."""
    coordinates = trial.array("coordinates").astype(float)
    known = np.isfinite(coordinates).all(axis=1)
    if not known.any():
        raise DataError(f"{trial.place} has no coordinates, without which it cannot be drawn; leave its subject out.")
    frames = np.arange(len(coordinates))
    return np.stack([np.interp(frames, frames[known], column[known]) for column in coordinates.T], axis=1)


def _furniture(action: str, height: float, points: dict[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the stool under who rises, where the pelvis is lowest, or the box behind who drops; none to who turns."""
    across = points["hip_r"] - points["hip_l"]
    facing = across[:, 2] / np.linalg.norm(across[:, [0, 2]], axis=1)
    if facing.mean() < _FACING:
        return []
    lowest = int(points["pelvis"][:, 1].argmin()) if action.startswith("STS") else 0
    return furniture(action, height, {name: track[lowest:] for name, track in points.items()})
