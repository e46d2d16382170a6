"""Follow one person through the pictures of a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from vidzoo.errors import DataError
from vidzoo.io.data_file import LandmarkStatus, LandmarkTrack
from vidzoo.pose.detect import Choice
from vidzoo.pose.networks import NUM_LANDMARKS, PoseNetworks
from vidzoo.pose.repair import repair

MIN_PRESENCE = 0.5
"""A region that is less likely to hold a person holds none."""
_NOTHING = tuple(np.full((NUM_LANDMARKS, *axes), np.nan) for axes in ((2,), (), (3,)))


@dataclass
class _Followed:
    """One sequence of pictures, and what was seen in it so far."""

    number: int
    images: Iterator[np.ndarray]
    image: np.ndarray | None = None
    """[H, W, 3], the picture to look at now; None after the last one."""
    region: np.ndarray | None = None
    """[4] where the person is expected in it; None where the detector is to look."""
    last: np.ndarray | None = None
    """[4] where the person was seen last."""
    status: list[LandmarkStatus] = field(default_factory=list)
    seen: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    """Pixels, visibility and world landmarks of each picture."""
    size: tuple[int, int] = (0, 0)

    def step(self) -> None:
        """Go to the next picture.

        Raises:
            DataError: there is not even one.
        """
        self.image = next(self.images, None)
        if self.image is not None:
            self.size = self.image.shape[1::-1]
        elif not self.seen:
            raise DataError("there is no picture in which a person could be looked for.")

    def note(self, status: LandmarkStatus, seen: tuple[np.ndarray, ...] = _NOTHING) -> None:
        """Note what was seen in this picture."""
        self.status.append(status)
        self.seen.append(seen)


def follow(
    networks: PoseNetworks,
    sequences: Iterable[Iterable[np.ndarray]],
    choice: Choice,
    *,
    at_once: int = 1,
    advance: Callable[[int], object] = int,
) -> Iterator[LandmarkTrack]:
    """Yield the landmarks of one person in each sequence of pictures, in the order of the sequences.

    The detector looks in the first picture, and in each one in which the person is not where it is expected. From
    picture to picture the landmarks say where that is. Several sequences are followed side by side, so that the
    networks work on batches.

    Args:
        networks: that look.
        sequences: each yields pictures of one size, uint8 RGB [H, W, 3], in the order of time.
        choice: which person.
        at_once: how many sequences are followed side by side.
        advance: told how many pictures are done.

    Raises:
        DataError: a sequence has no picture.
    """
    waiting = enumerate(sequences)
    running: list[_Followed] = []
    done: dict[int, LandmarkTrack] = {}
    delivered = 0
    while True:
        while len(running) < at_once and (following := next(waiting, None)) is not None:
            running.append(_Followed(following[0], iter(following[1])))
            running[-1].step()
        if not running:
            return
        _look_for_all(networks, running, choice)
        advance(len(running))
        for one in running:
            one.step()
        done |= {one.number: _track(one, networks) for one in running if one.image is None}
        running = [one for one in running if one.image is not None]
        while delivered in done:
            yield done.pop(delivered)
            delivered += 1


def _look_for_all(networks: PoseNetworks, people: list[_Followed], choice: Choice) -> None:
    """Note for each sequence what is seen in its picture."""
    missing = [one for one in people if one.region is None]
    missing += _look(networks, [one for one in people if one.region is not None])
    found = _detect(networks, missing, choice)
    # The detector's region is coarse: the landmarks in it say better where the person is.
    for one in _look(networks, found, only_for_the_region=True):
        one.note(LandmarkStatus.LOST)
    for one in _look(networks, [one for one in found if one.region is not None]):
        one.note(LandmarkStatus.LOST)


def _detect(networks: PoseNetworks, people: list[_Followed], choice: Choice) -> list[_Followed]:
    """Say where each person is expected by the detector; return those whom it sees, note that the others are not."""
    images = [one.image for one in people if one.image is not None]
    for one, image, regions in zip(people, images, networks.detect(images) if images else ()):
        one.region = choice.pick(regions, image.shape, one.last)
        if one.region is None:
            one.note(LandmarkStatus.NO_PERSON)
    return [one for one in people if one.region is not None]


def _look(networks: PoseNetworks, people: list[_Followed], only_for_the_region: bool = False) -> list[_Followed]:
    """Look where each person is expected, and note what is seen; return those who are not there."""
    if not people:
        return []
    images = [one.image for one in people if one.image is not None]
    seen = networks.look(images, np.stack([one.region for one in people if one.region is not None]))
    for number, one in enumerate(people):
        if seen.presence[number] < MIN_PRESENCE:
            one.region = None
            continue
        one.region = one.last = seen.regions[number]
        if not only_for_the_region:
            one.note(LandmarkStatus.FOUND, (seen.pixels[number], seen.visibility[number], seen.world[number]))
    return [one for one in people if one.region is None]


def _track(one: _Followed, networks: PoseNetworks) -> LandmarkTrack:
    pixels, visibility, world = (np.stack(values) for values in zip(*one.seen))
    return LandmarkTrack(
        pixels=pixels,
        visibility=visibility,
        world=world,
        status=np.array(one.status, dtype=np.uint8),
        exchanged=np.zeros((len(one.status), 2), dtype=np.uint8),
        image_size=one.size,
        network=networks.name,
        weights_hash=networks.weights_hash,
    )


def landmarks_of_video(
    frames: Iterable[tuple[float, np.ndarray]],
    networks: PoseNetworks,
    choice: Choice | None = None,
    advance: Callable[[int], object] = int,
) -> tuple[np.ndarray, LandmarkTrack]:
    """Return the times [V] s of a video's pictures and the landmarks of one person in them, left and right in order.

    Args:
        frames: (time in s, picture uint8 RGB [H, W, 3]), as ``vidzoo.data_prep.video.read_frames`` yields them.
        networks: that look.
        choice: which person; None: the largest.
        advance: told how many pictures are done.

    Raises:
        DataError: there is no picture.
    """
    times: list[float] = []

    def pictures() -> Iterator[np.ndarray]:
        for time, picture in frames:
            times.append(time)
            yield picture

    (track,) = follow(networks, [pictures()], choice or Choice(), advance=advance)
    return np.array(times), repair(track, np.array(times))
