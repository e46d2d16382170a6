"""BlazePose in PyTorch answers what the published graphs answer."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from blazepose_samples import BODY, GOLDEN, GRAPHS, images, run_graph, thinned
from safetensors.torch import load_file
from torch import Tensor

from vidzoo.errors import CheckpointError, ConfigError
from vidzoo.models.blazepose import LandmarkNetwork, anchors, load_detector, load_landmark_network, pretrained

FOLDER = os.environ.get("VIDZOO_BLAZEPOSE_GRAPHS")
"""Where the graph files lie; see ``vidzoo convert-blazepose --help``."""
needs_graphs = pytest.mark.skipif(
    FOLDER is None, reason="VIDZOO_BLAZEPOSE_GRAPHS names no folder with BlazePose's graphs"
)
REAL_VIDEOS = sorted((Path(__file__).parents[3] / "shared/data/clips").glob("*/video.mp4"))


@pytest.fixture(scope="module")
def networks():
    return {"detector": load_detector(), "full": load_landmark_network("full"), "lite": load_landmark_network("lite")}


@pytest.fixture(scope="module")
def answers(networks):
    """What each network says of the drawn figure and of its mirror image."""
    return {name: answer(network, images(name)) for name, network in networks.items()}


def tensor(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(np.moveaxis(pictures, -1, 1).astype(np.float32))


@torch.no_grad()
def answer(network: torch.nn.Module, pictures: np.ndarray) -> dict[str, np.ndarray]:
    found = network(tensor(pictures))
    named = found._asdict() if hasattr(found, "_asdict") else dict(zip(("boxes", "logits"), found))
    return {name: None if value is None else value.float().numpy() for name, value in named.items()}


def assert_equal(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    """Compare to 1e-3 of the largest number of each output."""
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].shape == value.shape, name
        assert np.abs(found[name] - value).max() <= 1e-3 * np.abs(value).max(), name


@pytest.mark.parametrize("network", GRAPHS)
def test_equal_to_what_litert_said_of_a_drawn_figure(answers, network):
    golden = np.load(GOLDEN)
    wanted = {key.split(".")[1]: golden[key] for key in golden if key.startswith(network)}
    assert_equal(thinned(answers[network]), wanted)


@needs_graphs
@pytest.mark.parametrize("network", GRAPHS)
def test_equal_to_litert_on_real_frames(networks, network):
    pytest.importorskip("ai_edge_litert")
    if not REAL_VIDEOS:
        pytest.skip("no real videos here")
    av, cv2 = pytest.importorskip("av"), pytest.importorskip("cv2")
    frames = []
    for path in REAL_VIDEOS:
        with av.open(str(path)) as video:
            frames += [frame.to_ndarray(format="rgb24") for frame, _ in zip(video.decode(video=0), range(3))][2:]
    side = 224 if network == "detector" else 256
    pictures = np.stack([cv2.resize(frame[-frame.shape[1] :], (side, side)) for frame in frames]).astype(np.float32)
    pictures = pictures / 127.5 - 1 if network == "detector" else pictures / 255
    graph = next(Path(FOLDER).rglob(GRAPHS[network]))
    assert_equal(answer(networks[network], pictures), run_graph(graph, pictures))


@needs_graphs
@pytest.mark.parametrize("network", GRAPHS)
def test_the_converter_makes_the_files_that_are_shipped(network):
    pytest.importorskip("tflite")
    from vidzoo.models.blazepose.convert import convert

    made = pretrained.thin(convert(next(Path(FOLDER).rglob(GRAPHS[network])), network))
    shipped = load_file(pretrained.FOLDER / f"{network}.safetensors")
    assert made.keys() == shipped.keys()
    assert all(value.dtype == shipped[name].dtype and value.equal(shipped[name]) for name, value in made.items())


def test_the_detector_finds_the_drawn_figure(answers):
    """Its two points: the middle of the hips, and a point straight above them, which the drawing has at (0.5, 0.48)."""
    found = answers["detector"]
    best = found["logits"].argmax(1)
    centres = anchors().numpy()[best]
    for index, centre in enumerate(centres):
        hips, above = centre + found["boxes"][index, best[index], 4:8].reshape(2, 2)
        np.testing.assert_allclose(hips, np.array([0.5, 0.48]) * 224, atol=8)
        assert abs(above[0] - hips[0]) < 10 and hips[1] - above[1] > 60


def test_the_landmarks_lie_on_the_drawn_figure(answers):
    """Wrists, knees and ankles; a figure without a face may be seen from behind, so each pair is ordered by x."""
    pairs = {(15, 16): (3, 5), (25, 26): (6, 8), (27, 28): (7, 9)}
    found = answers["full"]["landmarks"][..., :2] / 256
    for landmarks, limbs in pairs.items():
        wanted = np.array([BODY[limb][2:4] for limb in limbs])
        mirrored = np.array([(1 - x, y) for x, y in wanted[::-1]])
        for image, ends in zip(found[:, landmarks], (wanted, mirrored)):
            np.testing.assert_allclose(image[image[:, 0].argsort()], ends, atol=0.08)


def test_one_image_at_a_time_without_the_mask_and_in_half_precision(answers):
    network = load_landmark_network("lite", segmentation=False)
    wanted = {name: value[1:] for name, value in answers["lite"].items()}
    found = answer(network, images("lite")[1:])
    assert found.pop("mask") is None and wanted.pop("mask") is not None
    assert_equal(found, wanted)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = answer(network, images("lite")[1:])
    assert np.abs(rounded["landmarks"][..., :33, :2] - wanted["landmarks"][..., :33, :2]).max() < 4  # px


def test_gradients_reach_every_weight():
    network = LandmarkNetwork("lite")
    pictures = torch.rand(1, 3, 256, 256, requires_grad=True)
    sum(output.square().mean() for output in network(pictures)).backward()
    assert pictures.grad is not None and pictures.grad.abs().sum() > 0
    missing = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert not missing


@pytest.mark.parametrize("network", ["detector", "lite"])
def test_export(networks, network):
    pictures = tensor(images(network))
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(networks[network], (pictures,), dynamic_shapes=({0: batch},), strict=False)
    with torch.no_grad():
        for found, wanted in zip(program.module()(pictures[:1]), networks[network](pictures[:1])):
            torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


def test_a_damaged_file_is_one_sentence(tmp_path, monkeypatch):
    content = bytearray((pretrained.FOLDER / "lite.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "lite.safetensors").write_bytes(content)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    with pytest.raises(CheckpointError, match=r"lite\.safetensors: is not the file that vidzoo ships"):
        load_landmark_network("lite")
    with pytest.raises(CheckpointError, match=r"detector\.safetensors: cannot be read"):
        load_detector()
    with pytest.raises(ConfigError, match="variant='heavy' does not exist; choose full or lite"):
        load_landmark_network("heavy")


def test_the_weights_come_with_their_licence():
    assert "Apache License" in (pretrained.FOLDER / "LICENSE").read_text()
    notice = (pretrained.FOLDER / "NOTICE").read_text()
    assert "MediaPipe" in notice and "Changed: " in notice
    for network in GRAPHS:
        content = (pretrained.FOLDER / f"{network}.safetensors").read_bytes()
        assert hashlib.sha256(content).hexdigest() == pretrained.SHA256[network]


def test_thinned_tensors_come_back():
    full, mostly_zero = torch.randn(5, 3).half(), torch.zeros(7, 3, 1).half()
    mostly_zero[2, 1], mostly_zero[6, 2] = 1.5, -2
    stored = pretrained.thin({"a": full, "b": mostly_zero})
    assert len(stored) == 3
    assert pretrained.read_tensor(stored, "a", full).equal(full)
    assert pretrained.read_tensor(stored, "b", mostly_zero).equal(mostly_zero)
