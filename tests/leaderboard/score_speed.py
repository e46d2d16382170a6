"""Print the processor seconds that scoring 63,369 frames takes, and their number: score_speed.py FOLDER."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from vidzoo.anatomy import ACTION_FAMILIES, BENCHMARK_JOINTS, COORDINATES, MARKERS
from vidzoo.evaluation.labels import load_labels
from vidzoo.evaluation.score import score
from vidzoo.io.data_file import DataFile, DataFileWriter, Trial
from vidzoo.io.predictions import Predictions
from vidzoo.io.splits import Split, SplitEntry

FRAMES = 63_369


def main() -> None:
    """Make labels of 9 subjects and 16 trials each, predict them with noise, score."""
    path = Path(sys.argv[1], "speed.h5")
    rng = np.random.default_rng(0)
    sizes = np.diff(np.linspace(0, FRAMES, 9 * 16 + 1).astype(int)) + 5  # 5 train
    c, m = len(COORDINATES), len(MARKERS)
    with DataFileWriter(path, {}) as writer:
        for i, n in enumerate(sizes):
            family = ACTION_FAMILIES[i % 8]
            writer.add(
                Trial(
                    subject=f"subject{i // 16}",
                    trial=f"{family}{1 + i % 16 // 8}",
                    action=family,
                    rate_hz=100.0,
                    mass_kg=70.0,
                    mass_source="metadata",
                    height_m=1.7,
                    sex="f",
                    motion="real",
                    time=np.arange(n) / 100,
                    markers=np.zeros((n, m, 3)),
                    marker_velocities=np.zeros((n, m, 3)),
                    coordinates=np.zeros((n, c)),
                    coordinate_velocities=np.zeros((n, c)),
                    torques=rng.normal(0, 30, (n, c)),
                    validity=np.zeros((n, c), np.uint8),
                )
            )
    data = DataFile(path)
    bounds = {(t.subject, t.trial): t.num_frames for t in data}
    train = tuple(SplitEntry(*key, (0, 5), ((0, 5),)) for key in bounds)
    test = tuple(SplitEntry(*key, (5, n), ((5, n),)) for key, n in bounds.items())
    split = Split("block", 0, data.content_hash, {}, train, test)
    labels = load_labels(data, split.test)
    torques = (labels.torques + rng.normal(0, 5, (len(labels), len(BENCHMARK_JOINTS)))).astype(np.float32)
    camera = np.full(len(labels), "")
    predictions = Predictions(labels.subject, labels.trial, camera, labels.frame, torques, split.hash)
    data.close()
    begin = time.process_time()
    results = score(predictions, DataFile(path), split)
    print(time.process_time() - begin, results["counts"]["samples"])


if __name__ == "__main__":
    main()
