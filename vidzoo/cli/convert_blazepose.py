"""Convert BlazePose's published graph files to the weights that vidzoo ships.

For development: it makes vidzoo/models/blazepose/weights/*.safetensors again, byte by byte. Needs the extra:
pip install 'vidzoo[litert]'. The graph files: pose_landmark_full.tflite and pose_landmark_lite.tflite of npm's
@mediapipe/pose 0.5.1675469404, mediapipe/modules/pose_detection/pose_detection.tflite of PyPI's mediapipe 0.10.21.
"""

from __future__ import annotations

import argparse

from vidzoo.errors import ConfigError

EXAMPLES = """\
  %(prog)s --detector pose_detection.tflite --full pose_landmark_full.tflite \\
      --lite pose_landmark_lite.tflite --out vidzoo/models/blazepose/weights
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    for network in ("detector", "full", "lite"):
        parser.add_argument(f"--{network}", metavar="FILE", help=f"graph file (.tflite) of the {network} network")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="folder for the .safetensors files")


def run(args: argparse.Namespace) -> None:
    """Convert, and print each file's size and SHA-256."""
    import hashlib
    from pathlib import Path

    from safetensors.torch import save

    from vidzoo.io.atomic import atomic_path, check_folder
    from vidzoo.models.blazepose.pretrained import thin

    try:
        from vidzoo.models.blazepose.convert import convert
    except ModuleNotFoundError as error:
        raise ConfigError(f"convert-blazepose needs {error.name}: pip install 'vidzoo[litert]'.") from None

    graphs = {network: getattr(args, network) for network in ("detector", "full", "lite") if getattr(args, network)}
    if not graphs:
        raise ConfigError("convert-blazepose: give at least one graph file: --detector, --full or --lite.")
    check_folder(args.out)
    states = {network: convert(Path(graph), network) for network, graph in graphs.items()}
    Path(args.out).mkdir(parents=True, exist_ok=True)
    for network, state in states.items():
        content = save(thin(state), {"licence": "Apache-2.0", "source": "MediaPipe BlazePose"})
        with atomic_path(Path(args.out) / f"{network}.safetensors") as temporary:
            temporary.write_bytes(content)
        print(f"{network}.safetensors: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
