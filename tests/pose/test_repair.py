"""Left and right in order: the cheapest sides of all pictures together, and nothing else changed."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from vidzoo.anatomy import LANDMARK_LIMBS, LANDMARKS
from vidzoo.io.data_file import LandmarkStatus, LandmarkTrack
from vidzoo.pose.repair import DISAGREEMENT, DISTRUST, exchanges, repair

LEFT = {limb: [LANDMARKS.index(f"{name}_l") for name in names] for limb, names in LANDMARK_LIMBS.items()}
TRUNK = 60.0
"""px, of the people made up here."""


def walk(images: int = 120, seed: int = 0) -> LandmarkTrack:
    """Make up a walk across the picture, seen from the side: the legs and arms cross, hips and shoulders are near."""
    rng = np.random.default_rng(seed)
    time = np.arange(images) / 60
    pixels = np.zeros((images, 33, 2))
    for index, name in enumerate(LANDMARKS):
        part = name.split("_")[0]
        side = {"l": 1, "r": -1}.get(name[-1], 0) if "_" in name else 0
        swing = {"hip": 4, "knee": 18, "ankle": 32, "heel": 32, "toe": 32, "elbow": 10, "wrist": 20, "pinky": 22,
                 "index": 22, "thumb": 20, "shoulder": 6}.get(part, 0)  # fmt: skip
        height = {"shoulder": -60, "elbow": -35, "wrist": -10, "knee": 50, "ankle": 95, "heel": 98, "toe": 100}
        opposite = -1 if part in ("elbow", "wrist", "pinky", "index", "thumb") else 1
        pixels[:, index, 0] = 100 * time + 12 * side + opposite * side * swing * np.sin(2 * np.pi * time)
        pixels[:, index, 1] = 100 + height.get(part, -5 if swing else -85)
    pixels += rng.normal(0, 1.0, pixels.shape)
    return LandmarkTrack(
        pixels=pixels,
        visibility=rng.random((images, 33)),
        world=rng.normal(size=(images, 33, 3)),
        status=np.zeros(images, np.uint8),
        exchanged=np.zeros((images, len(LANDMARK_LIMBS)), np.uint8),
        image_size=(256, 256),
        network="made-up",
        weights_hash="",
    )


def exchange(track: LandmarkTrack, limb: str, images: list[int]) -> LandmarkTrack:
    values = {name: getattr(track, name).copy() for name in ("pixels", "visibility", "world")}
    left = np.array(LEFT[limb])
    for array in values.values():
        for image in images:
            array[image, [*left, *(left + 1)]] = array[image, [*(left + 1), *left]]
    return LandmarkTrack(**vars(track) | values)


def same(one: LandmarkTrack, other: LandmarkTrack) -> bool:
    return all(
        np.array_equal(getattr(one, n), getattr(other, n), equal_nan=True) for n in ("pixels", "visibility", "world")
    )


TIME = np.arange(120) / 60


def test_what_is_in_order_stays():
    for seed in range(3):
        repaired = repair(walk(seed=seed), TIME)
        assert same(repaired, walk(seed=seed))
        assert not repaired.exchanged.any()


@pytest.mark.parametrize("seed", range(3))
def test_exchanged_pictures_are_put_right(seed):
    """Single pictures, runs between two crossings of the legs, and the last ones; each part of the body by itself."""
    true = walk(seed=seed)
    wrong, expected = true, np.zeros_like(true.exchanged)
    for column, limb in enumerate(LANDMARK_LIMBS):
        images = [
            3 + column,
            *range(20, 32),
            70,
            72,
            *range(100, 106),
            *([118, 119] if limb in ("shoulders", "hips") else []),
        ]
        wrong = exchange(wrong, limb, images)
        expected[images, column] = 1
    repaired = repair(wrong, TIME)
    np.testing.assert_array_equal(repaired.exchanged, expected)
    assert same(repaired, true)
    np.testing.assert_array_equal(repaired.pixels[:, :11], wrong.pixels[:, :11])


@pytest.mark.parametrize(("gap", "repaired"), [(slice(40, 44), True), (slice(30, 60), False)])
def test_a_gap_is_bridged_and_a_long_one_parts_the_motion(gap, repaired):
    """After the gap the network exchanges the legs, for good where the gap is long."""
    true = walk()
    wrong = exchange(true, "legs", list(range(gap.stop, 70 if repaired else 120)))
    for track in (true, wrong):
        for values in (track.pixels, track.visibility, track.world):
            values[gap] = np.nan
    status = np.where(np.isnan(true.visibility[:, 0]), LandmarkStatus.LOST, LandmarkStatus.FOUND)
    found = repair(replace(wrong, status=status), TIME)
    assert same(found, true) == repaired
    assert same(found, wrong) != repaired
    assert not found.exchanged[gap].any()


def test_it_is_the_cheapest_of_all_choices():
    """Of three pictures, every choice of sides for each part of the body is tried."""
    rng = np.random.default_rng(4)
    sides = list(itertools.product((False, True), repeat=3))  # of one part in the three pictures
    neighbours = [(0, 1), (2, 3), (0, 2)]  # shoulders and arms, hips and legs, shoulders and hips
    exchanged = 0
    for _ in range(8):
        limbs = [0.02 * rng.normal(size=(3, pairs, 2, 2)) for pairs in (1, 2, 1, 2)]
        for part in limbs:
            part += np.array([0.05, -0.05])[:, None]
            wrong = rng.random(3) < 0.2
            part[wrong] = part[wrong][:, :, ::-1]

        def cost_of_part(part: np.ndarray, states: tuple[bool, ...]) -> float:
            chosen = np.stack([p[:, ::-1] if state else p for p, state in zip(part, states)])
            way = np.linalg.norm(np.diff(chosen, axis=0), axis=-1).sum()
            return way + DISTRUST * 2 * part.shape[1] * sum(states)

        table = [[cost_of_part(part, states) for states in sides] for part in limbs]

        def cost(choice: tuple[int, ...], table: list[list[float]] = table) -> float:
            apart = sum(one != two for i, j in neighbours for one, two in zip(sides[choice[i]], sides[choice[j]]))
            return sum(table[part][number] for part, number in enumerate(choice)) + DISAGREEMENT * apart

        found = exchanges(limbs)
        mine = cost(tuple(sides.index(tuple(map(bool, column))) for column in found.T))
        assert mine == pytest.approx(min(map(cost, itertools.product(range(8), repeat=4))), abs=1e-12)
        exchanged += found.any()
    assert 0 < exchanged < 8


def test_without_a_person_nothing_is_done():
    track = walk(4)
    track.status[:] = LandmarkStatus.NO_PERSON
    for values in (track.pixels, track.visibility, track.world):
        values[:] = np.nan
    assert not repair(track, TIME[:4]).exchanged.any()
    single = walk(1)
    assert same(repair(single, TIME[:1]), single)
