"""A data file whose bytes were damaged anywhere is refused in one sentence, or reads exactly as before."""

from __future__ import annotations

import faulthandler
import itertools
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from vidzoo.anatomy import COORDINATES, MARKERS
from vidzoo.errors import DataError
from vidzoo.io.data_file import CameraTrack, DataFile, DataFileWriter, Trial
from vidzoo.io.data_file.layout import ARRAYS, CAMERA_ARRAYS, TRIAL_NUMBERS, TRIAL_TEXTS

PROCESSES, DAMAGES = 6, 60
M, C, F = len(MARKERS), len(COORDINATES), 4


def small_trial(name: str) -> Trial:
    rng = np.random.default_rng([*name.encode()])
    track = CameraTrack([b"\xff\xd8" + rng.bytes(200) + b"\xff\xd9"] * 2, np.arange(2) / 60, np.arange(F) // 2,
                        np.ones((2, 4)), "real", (64, 48), rotation=np.eye(3))  # fmt: skip
    values = {
        array: rng.integers(0, 2, (F, *shape)) if dtype == "uint8" else rng.normal(size=(F, *shape))
        for array, (shape, dtype) in ARRAYS.items()
    }
    return Trial(
        subject="subject2", trial=name, action="walking", rate_hz=100.0, mass_kg=62.6, mass_source="metadata",
        height_m=1.7, sex="f", motion="real", cameras={"Cam0": track}, **values,
    )  # fmt: skip


def everything(path: Path) -> list[str]:
    """Return all that a data file's reader gives."""
    data = DataFile(path)
    found = [data.content_hash, json.dumps(data.settings)]
    for trial in data:
        found += [repr(getattr(trial, name)) for name in (*TRIAL_NUMBERS, *TRIAL_TEXTS, "subject", "trial")]
        found += [trial.array(name).tobytes().hex() for name in ARRAYS]
        for camera in trial.cameras:
            found += [trial.camera_array(camera, n).tobytes().hex() for n in CAMERA_ARRAYS if n != "jpeg_blob"]
            offsets = trial.camera_array(camera, "jpeg_offsets").tolist()
            found += [trial.jpeg(camera, a, b).tobytes().hex() for a, b in itertools.pairwise(offsets)]
            names = ("kind", "source_size", "intrinsics", "rotation", "translation")
            found += [repr(trial.camera_attribute(camera, name)) for name in names]
    return found


def damage(content: bytes, rng: random.Random) -> bytes:
    """Change 1, 4 or 32 bytes at random places, or cut off the end."""
    changed = bytearray(content)
    if rng.random() < 0.05:
        return bytes(changed[: rng.randrange(len(changed))])
    for _ in range(rng.choice((1, 1, 4, 32))):
        changed[rng.randrange(len(changed))] ^= rng.randrange(1, 256)
    return bytes(changed)


def outcome(path: Path, expected: list[str]) -> str:
    try:
        return "same" if everything(path) == expected else "OTHER CONTENT"
    except DataError as error:
        return "refused" if str(error).startswith(f"{path}: ") and "\n" not in str(error) else f"NO SENTENCE {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.skipif(sys.platform == "win32", reason="forks, so that a crash of the HDF5 library would be counted")
def test_random_damage_is_refused_or_harmless(tmp_path):
    path = tmp_path / "data.h5"
    with DataFileWriter(path, {"window": 11}) as writer:
        writer.add(small_trial("walking1"))
        writer.add(small_trial("walking2"))
    content, expected = path.read_bytes(), everything(path)
    found: Counter[str] = Counter()
    for seed in range(PROCESSES):
        results = tmp_path / f"results{seed}.txt"
        child = os.fork()
        if child == 0:
            faulthandler.dump_traceback_later(60, exit=True)  # HDF5 may search a damaged file without an end
            rng, damaged = random.Random(seed), tmp_path / f"damaged{seed}.h5"
            with results.open("w") as file:
                for _ in range(DAMAGES):
                    damaged.write_bytes(damage(content, rng))
                    print(outcome(damaged, expected), file=file, flush=True)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, f"seed {seed}: {results.read_text()[-300:]}"
        found.update(results.read_text().splitlines())
    assert set(found) == {"refused", "same"}, found
    assert found["refused"] > 0.9 * PROCESSES * DAMAGES, found  # the rest hit bytes that nothing uses
