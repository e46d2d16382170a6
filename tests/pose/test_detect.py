"""Which people are in a picture, and which one is followed."""

from __future__ import annotations

import numpy as np
import pytest

from vidzoo.errors import ConfigError
from vidzoo.pose.detect import Choice, people
from vidzoo.pose.regions import whole_picture


def test_one_region_for_each_person():
    """Two people, the first one seen by two anchors; a third box is unlikely; the second picture is empty."""
    anchors = np.array([[50.0, 50], [60, 50], [150, 60], [10, 200]])
    boxes, logits = np.zeros((2, 4, 12), np.float32), np.full((2, 4), -5.0, np.float32)
    logits[0] = [3, 2, 4, -0.1]
    boxes[0, :, 2:4] = 24
    boxes[0, 1, :2] = -9, 1  # the same face as that of the first anchor
    boxes[0, 0, 4:8] = 0, 30, 0, -20  # hips 30 px below the anchor, 50 px from the circle's top
    boxes[0, 1, 4:8] = -10, 30, -10, -20
    boxes[0, 2, 4:8] = 0, 40, 40, 40  # a person who lies
    squares = np.stack([whole_picture((448, 336)), whole_picture((448, 336))])
    first, second = people(boxes, logits, anchors, squares, 224)
    assert second.shape == (0, 4)
    # The picture of 336 x 448 px is letterboxed: twice the size, 56 px to the left of it.
    expected = [[300 - 56 - 0.5, 200 - 0.5, 200, np.pi / 2], [100 - 56 - 0.5, 160 - 0.5, 250, 0]]
    np.testing.assert_allclose(first, expected, atol=1e-4)


REGIONS = np.array([[40.0, 100, 100, 0], [160, 100, 120, 0], [90, 100, 50, 0]])


@pytest.mark.parametrize(
    ("choice", "last", "expected"),
    [
        (Choice(), None, 1),
        (Choice("central"), None, 2),
        (Choice("box", (20, 60, 50, 90)), None, 0),
        (Choice("box", (300, 60, 50, 90)), None, None),
        (Choice(), np.array([45.0, 104, 95, 0.1]), 0),  # followed before
        (Choice(), np.array([400.0, 104, 95, 0.1]), 1),  # lost elsewhere
    ],
)
def test_the_person_to_follow(choice, last, expected):
    found = choice.pick(REGIONS, (200, 200, 3), last)
    assert found is None if expected is None else found is not None and np.array_equal(found, REGIONS[expected])
    assert choice.pick(REGIONS[:0], (200, 200, 3), last) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tallest",), "person='tallest' must be largest, central or box"),
        (("box",), "needs a box"),
        (("largest", (0, 0, 5, 5)), "only it takes one"),
        (("box", (0, 0, 0, 5)), "the last two above 0"),
    ],
)
def test_a_wrong_choice_is_named(arguments, said):
    with pytest.raises(ConfigError, match=said):
        Choice(*arguments)
