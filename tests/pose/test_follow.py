"""People followed through pictures: drawn ones by the real networks, and by made-up networks what happens when."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vidzoo.anatomy import LANDMARKS
from vidzoo.errors import ConfigError, DataError
from vidzoo.io.data_file import LandmarkStatus
from vidzoo.pose import Choice, PoseNetworks, follow, landmarks_of_video
from vidzoo.pose.eyes import Eyes
from vidzoo.pose.networks import Seen

FOUND, NO_PERSON, LOST = LandmarkStatus.FOUND, LandmarkStatus.NO_PERSON, LandmarkStatus.LOST
GREY = np.full((192, 192, 3), 128, np.uint8)


def error(track, drawn, images=slice(None), shift=0.0) -> float:
    """Return the mean distance in px between landmarks and the drawn person's joints."""
    found = [
        track.pixels[images, LANDMARKS.index(name)] - [shift, 0] - at[: len(track.pixels)][images]
        for name, at in drawn.pixels.items()
    ]
    return float(np.linalg.norm(found, axis=-1).mean())


def test_a_drawn_person_is_found_where_it_was_drawn(drawn, networks):
    frames = ((k / 60, image) for k, image in enumerate(drawn.images))
    time, track = landmarks_of_video(frames, networks)
    np.testing.assert_allclose(time, np.arange(12) / 60)
    assert (track.status == FOUND).all()
    assert error(track, drawn) < 6  # of 192 px; the markers lie on the skin
    assert (track.image_size, track.network) == ((192, 192), "blazepose_lite")
    # In metres and in the camera's axes: the trunk stands, the hips are its foot.
    shoulders, hips = (
        track.world[:, LANDMARKS.index(f"{n}_l")] + track.world[:, LANDMARKS.index(f"{n}_r")]
        for n in ("shoulder", "hip")
    )
    np.testing.assert_allclose(hips, 0, atol=0.05)
    assert ((shoulders / 2)[:, 1] < -0.35).all()
    # Where the person is depends little on how the picture is turned into crops.
    small = np.stack([image[::2, ::2] for image in drawn.images[:2]])
    assert error(next(iter(follow(networks, [small], Choice()))), drawn, slice(2)) > 20
    half = next(iter(follow(networks, [small], Choice()))).pixels * 2 + 0.5
    assert np.linalg.norm(half - track.pixels[:2], axis=-1).mean() < 4


def test_one_of_two_people_is_followed(drawn, networks):
    """The same person at the left, and smaller at the right, in the middle of the right part."""
    small = [
        np.pad(cv2.resize(image, (144, 144)), ((24, 24), (24, 24), (0, 0)), mode="edge") for image in drawn.images[:2]
    ]
    pictures = [np.hstack([image, other]) for image, other in zip(drawn.images, small)]
    choices = {
        "largest": Choice(),
        "left": Choice("box", (20, 0, 150, 192)),
        "right": Choice("box", (240, 30, 100, 140)),
        "nobody": Choice("box", (180, 0, 5, 5)),
    }
    picks = {name: next(iter(follow(networks, [pictures], choice))) for name, choice in choices.items()}
    assert error(picks["largest"], drawn) < 7
    assert error(picks["left"], drawn) < 7
    assert np.nanmean(picks["right"].pixels[..., 0]) > 230
    assert (picks["nobody"].status == NO_PERSON).all()
    assert np.isnan(picks["nobody"].pixels).all()
    assert np.isnan(picks["nobody"].world).all()


def test_a_person_who_leaves_and_comes_back(drawn, networks):
    pictures = [*drawn.images[:3], GREY, GREY, *drawn.images[5:7]]
    (track,) = follow(networks, [pictures], Choice())
    np.testing.assert_array_equal(track.status != FOUND, [0, 0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(np.isfinite(track.visibility).all(axis=1), track.status == FOUND)
    assert error(track, drawn, [0, 1, 2, 5, 6]) < 6


def test_side_by_side_is_one_by_one(drawn, networks):
    sequences = [drawn.images[:3], drawn.images[4:9], [GREY, *drawn.images[:2]], drawn.images[7:8]]
    done = []
    together = list(follow(networks, sequences, Choice(), at_once=3, advance=done.append))
    assert sum(done) == 12
    assert len(done) == 5
    for sequence, track in zip(sequences, together, strict=True):
        (alone,) = follow(networks, [sequence], Choice())
        np.testing.assert_array_equal(track.status, alone.status)
        np.testing.assert_allclose(track.pixels, alone.pixels, atol=0.05)
        np.testing.assert_allclose(track.world, alone.world, atol=1e-3)


class MadeUp:
    """Networks that see what the picture's numbers say: [0, 0] the people's regions, [0, 1] whether one is there."""

    name, weights_hash = "made-up", ""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def detect(self, images):
        self.calls += ["detect"] * len(images)
        regions = np.array([[50.0, 50, 40, 0]])
        return [regions[: image[0, 0, 0]] for image in images]

    def look(self, images, regions):
        self.calls += ["look"] * len(images)
        n = len(images)
        presence = np.array([image[0, 1, 0] / 255 for image in images])
        moved = regions + [1, 0, 0, 0]
        return Seen(np.zeros((n, 33, 2)), np.ones((n, 33)), np.zeros((n, 33, 3)), presence, moved)


def picture(detected: int, present: bool) -> np.ndarray:
    image = np.zeros((100, 100, 3), np.uint8)
    image[0, 0], image[0, 1] = detected, 255 * present
    return image


def test_the_detector_looks_only_when_the_person_is_not_where_expected():
    networks = MadeUp()
    pictures = [
        picture(0, True),  # nobody detected
        picture(1, True),  # detected: a coarse and a fine look
        picture(1, True),  # followed
        picture(1, False),  # not where expected; detected again, but the network sees none
        picture(0, False),  # nobody
        picture(1, True),
    ]
    (track,) = follow(networks, [pictures], Choice())
    assert track.status.tolist() == [NO_PERSON, FOUND, FOUND, LOST, NO_PERSON, FOUND]
    assert networks.calls == [
        "detect",
        "detect",
        "look",
        "look",
        "look",
        "look",
        "detect",
        "look",
        "detect",
        "detect",
        "look",
        "look",
    ]


def test_no_picture_and_no_such_network_are_one_sentence():
    with pytest.raises(DataError, match="there is no picture"):
        list(follow(MadeUp(), [[]], Choice()))
    with pytest.raises(ConfigError, match="network='heavy' must be full or lite"):
        PoseNetworks("heavy")


def test_eyes_see_what_is_being_drawn_from_several_places(drawn, networks):
    films = [drawn.images[:3], drawn.images[3:6]]
    tracks = Eyes("lite")([iter(film) for film in films], np.arange(3) / 60)
    for film, seen in zip(films, tracks, strict=True):
        (expected,) = follow(networks, [film], Choice())
        np.testing.assert_allclose(seen.pixels, expected.pixels, atol=0.05)
