"""Write recordings as a laboratory's files: .trc, .mot and .sto tables, force files, videos."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from vidzoo.anatomy import MARKERS
from vidzoo.io.storage import Storage, write_storage


def write_table(path: Path, columns: list[str], time: np.ndarray, data: np.ndarray, in_degrees: bool) -> None:
    """Write a .mot or .sto table [F, len(columns)] with OpenSim's header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_storage(path, Storage("table", tuple(columns), time, data, in_degrees))


def write_forces(path: Path, columns: list[str], time: np.ndarray, data: np.ndarray) -> None:
    """Write a table [F, len(columns)] with SIMM's header, as force files have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = [f"name {path.name}", f"datacolumns {len(columns) + 1}", f"datarows {len(time)}"]
    head += [f"range {time[0]:.6f} {time[-1]:.6f}", "endheader", "\t".join(["time", *columns])]
    rows = ["\t".join(f"{value:.8g}" for value in row) for row in np.column_stack([time, data])]
    path.write_text("\n".join(head + rows) + "\n")


def write_trc(path: Path, time: np.ndarray, markers: np.ndarray, unit: str = "mm") -> None:
    """Write markers [F, M, 3] m in metres or millimetres; a missing marker is three empty cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, len(MARKERS) + 1))
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"100\t100\t{len(time)}\t{len(MARKERS)}\t{unit}\t100\t1\t{len(time)}",
        "Frame#\tTime\t" + "\t\t\t".join(MARKERS) + "\t\t",
        "\t\t" + axes,
        "",
    ]
    values = markers.reshape(len(time), -1) * {"m": 1.0, "mm": 1000.0}[unit]
    digits = {"m": 8, "mm": 5}[unit]
    for i, (t, row) in enumerate(zip(time, values), 1):
        lines.append(f"{i}\t{t:.4f}\t" + "\t".join("" if np.isnan(v) else f"{v:.{digits}f}" for v in row))
    path.write_text("\n".join(lines) + "\n")


def write_video(path: Path, images: list[np.ndarray], codec: str = "libx264") -> None:
    """Write RGB images [H, W, 3] as a video of 60 pictures a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=60)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
