"""Put left and right in order where the network exchanged them, by the motion in the picture.

In a single picture a network takes the right leg for the left one, the back for the front. In a series, an exchanged
pair of joints jumps from one side to the other, which no body does between two pictures.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vidzoo.anatomy import LANDMARK_LIMBS, LANDMARKS
from vidzoo.io.data_file import LandmarkStatus, LandmarkTrack

DISTRUST = 0.0006
"""The price of one picture in which a joint's sides are not those that the network said, in lengths of the trunk: a run
of exchanged pictures is put right if that saves a longer way than so much for each of them. In six rendered trials,
0.0004 to 0.0007 leave the fewest exchanges; more leaves the long runs of a person who sits, less lets crossing legs
go wrong."""
LONGEST_GAP = 0.25
"""s; over a longer time without the person, nothing is known of the motion."""
_PAIRS = {
    limb: np.array([[LANDMARKS.index(f"{name}_{side}") for side in "lr"] for name in names])
    for limb, names in LANDMARK_LIMBS.items()
}


def repair(track: LandmarkTrack, time: np.ndarray) -> LandmarkTrack:
    """Return the landmarks with left and right of each part of the body (``LANDMARK_LIMBS``) put in order.

    For each part, the sides of all pictures are chosen together: those for which the joints go the shortest way in the
    picture, all pictures together, plus ``DISTRUST`` for each picture and joint whose sides are exchanged. The choice
    is the shortest path through two states a picture (Viterbi). Pixels, visibility and world landmarks are exchanged
    alike; the face is left as it is. Where two limbs meet in the picture while they are exchanged, the way is the same
    either way, and the price alone decides.

    Args:
        track: as the network saw it.
        time: [V] s of the pictures.
    """
    pixels, visibility, world = track.pixels.copy(), track.visibility.copy(), track.world.copy()
    exchanged = np.zeros((len(time), len(_PAIRS)), dtype=np.uint8)
    for start, stop in _stretches(track.status == LandmarkStatus.FOUND, time):
        found = np.flatnonzero(track.status[start:stop] == LandmarkStatus.FOUND) + start
        trunk = _trunk_length(pixels[found])
        for column, pairs in enumerate(_PAIRS.values()):
            swapped = found[exchanges(pixels[found][:, pairs] / trunk)]
            exchanged[swapped, column] = 1
            for values in (pixels, visibility, world):
                values[np.ix_(swapped, pairs.ravel())] = values[np.ix_(swapped, pairs[:, ::-1].ravel())]
    return replace(track, pixels=pixels, visibility=visibility, world=world, exchanged=exchanged)


def exchanges(places: np.ndarray, distrust: float = DISTRUST) -> np.ndarray:
    """Return in which pictures [V] bool the sides of all pairs are exchanged.

    Args:
        places: [V, P, 2, 2] of P pairs of joints, the left one first, in lengths of the trunk.
        distrust: see ``DISTRUST``.
    """
    as_said = np.linalg.norm(np.diff(places, axis=0), axis=-1).sum(axis=(1, 2))
    crossed = np.linalg.norm(places[1:] - places[:-1, :, ::-1], axis=-1).sum(axis=(1, 2))
    price = np.array([0.0, distrust * 2 * places.shape[1]])  # of a picture in either state
    cost, before = price, np.zeros((len(places), 2), dtype=int)
    for number, (same, other) in enumerate(zip(as_said, crossed), start=1):
        ways = cost[:, None] + np.array([[same, other], [other, same]])
        before[number] = ways.argmin(axis=0)
        cost = ways.min(axis=0) + price
    state = np.empty(len(places), dtype=int)
    state[-1] = cost.argmin()
    for number in range(len(places) - 1, 0, -1):
        state[number - 1] = before[number, state[number]]
    return state.astype(bool)


def _stretches(found: np.ndarray, time: np.ndarray) -> list[tuple[int, int]]:
    """Return the ranges [start, stop) of pictures between the gaps that are longer than ``LONGEST_GAP``."""
    seen = np.flatnonzero(found)
    if not len(seen):
        return []
    breaks = np.flatnonzero(np.diff(time[seen]) > LONGEST_GAP)
    starts, stops = seen[np.r_[0, breaks + 1]], seen[np.r_[breaks, len(seen) - 1]] + 1
    return [(int(start), int(stop)) for start, stop in zip(starts, stops)]


def _trunk_length(pixels: np.ndarray) -> float:
    """Return the median distance in px from the middle of the hips to that of the shoulders, in pictures [V, 33, 2]."""
    middles = [pixels[:, _PAIRS[limb][0]].mean(axis=1) for limb in ("shoulders", "hips")]
    return max(float(np.median(np.linalg.norm(middles[0] - middles[1], axis=-1))), 1.0)
