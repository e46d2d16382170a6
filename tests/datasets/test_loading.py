"""The data set in loaders: collated, in worker processes, over several ranks."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, default_collate
from torch.utils.data import DataLoader

from vidzoo.datasets import VIDDataset
from vidzoo.structures import TorqueSample

PIPELINE = [
    {"type": "CropJitter"},
    {"type": "ColourJitter"},
    {"type": "RandomOcclusion", "prob": 0.5},
    {"type": "HorizontalFlip", "prob": 0.5},
]


@pytest.fixture
def dataset(tiny_data_file, tiny_split) -> VIDDataset:
    return VIDDataset(
        data_file=tiny_data_file,
        split=tiny_split,
        requires=["frames", "markers", "mass"],
        window=5,
        predictions=6,
        marker_frame="camera",
        pipeline=PIPELINE,
    )


def read(loader: DataLoader) -> list[dict]:
    return list(loader)


def assert_equal(some: list[dict], other: list[dict]) -> None:
    assert len(some) == len(other)
    for a, b in zip(some, other):
        assert a["inputs"].keys() == b["inputs"].keys()
        assert all(torch.equal(a["inputs"][name], b["inputs"][name]) for name in a["inputs"])
        for x, y in zip(a["data_samples"], b["data_samples"]):
            assert all(torch.equal(x.get(name), y.get(name)) for name in x.keys())  # noqa: SIM118
            assert (x.subject, x.trial, x.camera) == (y.subject, y.trial, y.camera)
            np.testing.assert_array_equal(x.frame_indices, y.frame_indices)


def test_a_collated_batch(dataset):
    batch = next(iter(DataLoader(dataset, batch_size=4, collate_fn=default_collate)))
    assert {name: tuple(value.shape) for name, value in batch["inputs"].items()} == {
        "frames": (4, 10, 3, 64, 64),
        "frame_is_new": (4, 10),
        "markers": (4, 10, 51, 3),
        "mass": (4,),
    }
    assert [type(sample) for sample in batch["data_samples"]] == [TorqueSample] * 4
    assert torch.stack([s.gt_torques for s in batch["data_samples"]]).shape == (4, 6, 11)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_change_nothing_and_hear_of_epochs(dataset, method):
    alone = DataLoader(dataset, batch_size=5, collate_fn=default_collate)
    _ = dataset[0]  # the file is open while workers are forked
    workers = DataLoader(
        dataset,
        batch_size=5,
        collate_fn=default_collate,
        num_workers=2,
        multiprocessing_context=method,
        persistent_workers=True,
    )
    batches = []
    for epoch in (0, 7):
        dataset.set_epoch(epoch)
        batches.append(read(workers))
        assert_equal(read(alone), batches[-1])
    assert not torch.equal(batches[0][0]["inputs"]["frames"], batches[1][0]["inputs"]["frames"])


def test_two_ranks_see_each_clip_once(dataset, monkeypatch):
    seen: list[tuple] = []
    for rank in range(2):
        monkeypatch.setattr("mmengine.dataset.sampler.get_dist_info", lambda rank=rank: (rank, 2))
        sampler = DefaultSampler(dataset, shuffle=True, seed=3)
        sampler.set_epoch(2)
        dataset.set_epoch(2)
        for batch in DataLoader(dataset, batch_size=3, sampler=sampler, collate_fn=default_collate):
            seen += [
                (s.subject, s.trial, int(frame))
                for s in batch["data_samples"]
                for frame in s.frame_indices
                if frame >= 0
            ]
    assert len(dataset) % 2 == 0
    assert len(seen) == len(set(seen)) == 6 * 20


class Threads(VIDDataset):
    def __getitem__(self, index):
        sample = super().__getitem__(index)
        sample["inputs"]["threads"] = torch.tensor(cv2.getNumThreads())
        return sample


def test_opencv_has_one_thread_in_a_worker(tiny_data_file, tiny_split):
    dataset = Threads(data_file=tiny_data_file, split=tiny_split, window=5, predictions=20)
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        batch = next(iter(DataLoader(dataset, batch_size=3, collate_fn=default_collate, num_workers=1)))
        assert set(batch["inputs"]["threads"].tolist()) == {1}
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_a_broken_image_in_a_worker_ends_with_one_sentence(variant):
    def spoil(trial):
        trial.cameras["Cam0"].jpegs[3] = b"no image"

    paths = variant(spoil)
    program = f"""
from mmengine.dataset import default_collate
from torch.utils.data import DataLoader
from vidzoo.datasets import VIDDataset
from vidzoo.cli.run_tool import run_tool

def main():
    dataset = VIDDataset(data_file={str(paths["data_file"])!r}, split={str(paths["split"])!r}, window=5, predictions=6)
    list(DataLoader(dataset, batch_size=2, num_workers=1, collate_fn=default_collate))

run_tool(main)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    message = f"error: {paths['data_file']}: subject1/DJ1/Cam0: image 3 is no JPEG that can be decoded; "
    assert done.stderr == message + "build the file again.\n"
