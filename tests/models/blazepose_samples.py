"""A drawn figure that BlazePose takes for a person, what LiteRT answers to it, and LiteRT itself.

``python tests/models/blazepose_samples.py FOLDER`` writes blazepose_litert.npz with the graph files of FOLDER; see
``vidzoo convert-blazepose --help`` for where they come from.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).with_name("blazepose_litert.npz")
GRAPHS = {
    "detector": "pose_detection.tflite",
    "full": "pose_landmark_full.tflite",
    "lite": "pose_landmark_lite.tflite",
}
BODY = (  # start x, y, end x, y, radius; of the image's side
    (0.50, 0.13, 0.50, 0.15, 0.050),
    (0.50, 0.25, 0.50, 0.46, 0.075),
    (0.43, 0.24, 0.37, 0.36, 0.025),
    (0.37, 0.36, 0.36, 0.48, 0.022),
    (0.57, 0.24, 0.64, 0.35, 0.025),
    (0.64, 0.35, 0.66, 0.47, 0.022),
    (0.46, 0.50, 0.44, 0.68, 0.040),
    (0.44, 0.68, 0.44, 0.87, 0.030),
    (0.54, 0.50, 0.58, 0.67, 0.040),
    (0.58, 0.67, 0.57, 0.87, 0.030),
    (0.44, 0.89, 0.40, 0.90, 0.022),
    (0.57, 0.89, 0.62, 0.90, 0.022),
)
COLOURS = ((205, 160, 130), (60, 90, 160), *((205, 160, 130),) * 4, *((45, 45, 60),) * 4, *((30, 25, 25),) * 2)


def figure(side: int) -> np.ndarray:
    """Return an image [side, side, 3] in [0, 255] of a standing figure, computed and not drawn: alike everywhere."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    image = np.stack([170 + 40 * y, 175 + 30 * y, 185 - 20 * y], -1)
    for (x0, y0, x1, y1, radius), colour in zip(BODY, COLOURS):
        length = np.hypot(x1 - x0, y1 - y0)
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length**2, 0, 1)
        away = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) / radius
        cover = np.clip((1 - away) * radius * side + 0.5, 0, 1)[..., None]
        shade = np.clip(1.15 - 0.5 * away**2, 0, 1.15)[..., None]
        image = (1 - cover) * image + cover * shade * np.array(colour)
    return np.clip(image, 0, 255).round().astype(np.float32)


def images(network: str) -> np.ndarray:
    """Return what a network sees, [2, S, S, 3]: the figure, and its mirror image with less light."""
    picture = figure(224 if network == "detector" else 256)
    pictures = np.stack([picture, 0.6 * picture[:, ::-1]])
    return pictures / 127.5 - 1 if network == "detector" else pictures / 255


def run_graph(path: Path, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Return what LiteRT answers to each picture [N, S, S, 3], by the outputs' names in this package's shapes."""
    from ai_edge_litert.interpreter import Interpreter

    graph = Interpreter(str(path), num_threads=1)
    graph.allocate_tensors()
    names = {
        (1, 2254, 12): ("boxes", (2254, 12)),
        (1, 2254, 1): ("logits", (2254,)),
        (1, 195): ("landmarks", (39, 5)),
        (1, 1): ("presence", ()),
        (1, 64, 64, 39): ("heatmaps", (64, 64, 39)),
        (1, 256, 256, 1): ("mask", (256, 256, 1)),
        (1, 117): ("world", (39, 3)),
    }
    outputs = {names[tuple(found["shape"])]: found["index"] for found in graph.get_output_details()}
    answers: dict[str, list[np.ndarray]] = {name: [] for name, _ in outputs}
    for picture in pictures.astype(np.float32):
        graph.set_tensor(graph.get_input_details()[0]["index"], np.ascontiguousarray(picture[None]))
        graph.invoke()
        for (name, shape), index in outputs.items():
            answers[name].append(graph.get_tensor(index).reshape(shape))
    stacked = {name: np.stack(values) for name, values in answers.items()}
    return {name: np.moveaxis(value, -1, 1) if value.ndim == 4 else value for name, value in stacked.items()}


def thinned(answers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a part of the answers that fits into a small file: every seventh box, and some cells of each map."""
    part = {
        "boxes": np.s_[:, ::7],
        "logits": np.s_[:, ::7],
        "heatmaps": np.s_[..., 3::8, 3::8],
        "mask": np.s_[..., 5::16, 5::16],
    }
    return {name: value[part.get(name, ...)] for name, value in answers.items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    golden = {
        f"{network}.{name}": value
        for network, graph in GRAPHS.items()
        for name, value in thinned(run_graph(next(folder.rglob(graph)), images(network))).items()
    }
    np.savez_compressed(GOLDEN, **golden)
