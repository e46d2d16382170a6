"""Put left and right in order where the network exchanged them, by the motion in the picture.

In a single picture a network takes the right leg for the left one, the back for the front. In a series, an exchanged
pair of joints jumps from one side to the other, which no body does between two pictures.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vidzoo.anatomy import LANDMARK_LIMBS, LANDMARKS
from vidzoo.io.data_file import LandmarkStatus, LandmarkTrack

DISTRUST = 0.0003
"""Price of a joint in a picture in which its sides are not those that the network said, in lengths of the trunk."""
DISAGREEMENT = 0.01
"""Price of a picture in which one of two neighbouring parts of the body is exchanged and the other is not. Both prices
were chosen on seven rendered trials; ``DISTRUST`` from 0.0001 to 0.0005 and this from 0.005 to 0.02 leave as few
exchanges there and in the others."""
LONGEST_GAP = 0.25
"""s; over a longer time without the person, nothing is known of the motion."""
_PAIRS = {
    limb: np.array([[LANDMARKS.index(f"{name}_{side}") for side in "lr"] for name in names])
    for limb, names in LANDMARK_LIMBS.items()
}
_NEIGHBOURS = [
    [list(LANDMARK_LIMBS).index(limb) for limb in pair]
    for pair in (("shoulders", "arms"), ("hips", "legs"), ("shoulders", "hips"))
]
_STATES = np.array(list(itertools.product((0, 1), repeat=len(_PAIRS))))
"""[16, 4]: which parts of the body are exchanged."""


def repair(track: LandmarkTrack, time: np.ndarray) -> LandmarkTrack:
    """Return the landmarks with left and right of each part of the body (``LANDMARK_LIMBS``) put in order.

    Pixels, visibility and world landmarks are exchanged alike; the face is left as it is. See :func:`exchanges`.

    Args:
        track: as the network saw it.
        time: [V] s of the pictures.
    """
    pixels, visibility, world = track.pixels.copy(), track.visibility.copy(), track.world.copy()
    exchanged = np.zeros((len(time), len(_PAIRS)), dtype=np.uint8)
    for found in _stretches(track.status == LandmarkStatus.FOUND, time):
        places = pixels[found] / _trunk_length(pixels[found])
        exchanged[found] = exchanges([places[:, pairs] for pairs in _PAIRS.values()])
    for pairs, wrong in zip(_PAIRS.values(), exchanged.T):
        swapped = np.flatnonzero(wrong)
        for values in (pixels, visibility, world):
            values[np.ix_(swapped, pairs.ravel())] = values[np.ix_(swapped, pairs[:, ::-1].ravel())]
    return replace(track, pixels=pixels, visibility=visibility, world=world, exchanged=exchanged)


def exchanges(limbs: Sequence[np.ndarray]) -> np.ndarray:
    """Return which of the four parts of the body are exchanged in each picture, bool [V, 4].

    The sides of all parts in all pictures are chosen together, so that the joints go the shortest way in the picture,
    plus ``DISTRUST`` and ``DISAGREEMENT``: the shortest path through 16 states a picture (Viterbi). Where two limbs
    meet in the picture while they are exchanged, the way is the same either way, and the prices alone decide.

    Args:
        limbs: of each part [V, P, 2, 2] its P pairs of joints, the left one first, in lengths of the trunk.
    """
    as_said = np.stack([np.linalg.norm(np.diff(p, axis=0), axis=-1).sum(axis=(1, 2)) for p in limbs], axis=1)
    crossed = np.stack([np.linalg.norm(p[1:] - p[:-1, :, ::-1], axis=-1).sum(axis=(1, 2)) for p in limbs], axis=1)
    joints = np.array([2 * part.shape[1] for part in limbs])
    price = DISTRUST * _STATES @ joints
    for one, other in _NEIGHBOURS:
        price = price + DISAGREEMENT * (_STATES[:, one] != _STATES[:, other])
    changes = (_STATES[:, None] != _STATES[None]).astype(float)
    cost, before = price, np.zeros((len(limbs[0]), len(_STATES)), dtype=int)
    for number, (same, other_side) in enumerate(zip(as_said, crossed), start=1):
        ways = cost[:, None] + same.sum() + changes @ (other_side - same)
        before[number] = ways.argmin(axis=0)
        cost = ways.min(axis=0) + price
    state = np.empty(len(before), dtype=int)
    state[-1] = cost.argmin()
    for number in range(len(before) - 1, 0, -1):
        state[number - 1] = before[number, state[number]]
    return _STATES[state].astype(bool)


def _stretches(found: np.ndarray, time: np.ndarray) -> list[np.ndarray]:
    """Return the numbers of the pictures with the person, parted where a gap is longer than ``LONGEST_GAP``."""
    seen = np.flatnonzero(found)
    parts = np.split(seen, np.flatnonzero(np.diff(time[seen]) > LONGEST_GAP) + 1)
    return [part for part in parts if len(part)]


def _trunk_length(pixels: np.ndarray) -> float:
    """Return the median distance in px from the middle of the hips to that of the shoulders, in pictures [V, 33, 2]."""
    middles = [pixels[:, _PAIRS[limb][0]].mean(axis=1) for limb in ("shoulders", "hips")]
    return max(float(np.median(np.linalg.norm(middles[0] - middles[1], axis=-1))), 1.0)
