"""Submit from many processes at once: many_writers.py STORE VID SPLIT CARD FOLDER NUMBER."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import numpy as np

from vidzoo.evaluation.labels import load_labels
from vidzoo.io.data_file import DataFile
from vidzoo.io.predictions import Predictions, write_predictions
from vidzoo.io.splits import Split
from vidzoo.leaderboard.submit import make_submission, submit_to_folder


def main() -> None:
    """Write the predictions, fork, wait for all, submit."""
    store, data_file, split_file, card, folder, number = sys.argv[1:]
    count = int(number)
    data, split = DataFile(data_file), Split.load(split_file)
    labels = load_labels(data, split.test)
    Path(folder).mkdir()
    submissions = []
    for i in range(count):
        path = Path(folder, f"{i}.npz")
        noise = np.random.default_rng(i).normal(0, 5 + i, labels.torques.shape)
        torques = (labels.torques + noise).astype(np.float32)
        camera = np.full(len(labels), "")
        write_predictions(path, Predictions(labels.subject, labels.trial, camera, labels.frame, torques, split.hash))
        submissions.append((path, make_submission(path, "tiny@1/block", f"model {i}", card, ["A. B."])))
    data.close()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(count)

    def submit(i: int) -> None:
        path, submission = submissions[i]
        barrier.wait()
        submit_to_folder(submission, path, store)

    processes = [context.Process(target=submit, args=(i,)) for i in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))


if __name__ == "__main__":
    main()
