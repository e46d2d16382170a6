"""OpenSim's package without its log, and models without muscles as OpenSim's objects."""

from __future__ import annotations

import os
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vidzoo.anatomy import COORDINATES
from vidzoo.dynamics.ground_reaction import ExternalLoad
from vidzoo.errors import DataError, VidZooError
from vidzoo.io.storage import nearest_names

MAX_XML_BYTES = 64 << 20


def import_opensim() -> Any:
    """Return the OpenSim package, with its log and the file opensim.log switched off.

    Raises:
        VidZooError: it is not installed.
    """
    try:
        import opensim
    except ImportError as error:
        raise VidZooError(f"OpenSim is missing ({error}); install it with: pip install 'vidzoo[opensim]'.") from None
    if opensim.Logger.getLevelString() == "Info":
        opensim.Logger.setLevelString("Off")
        opensim.Logger.removeFileSink()
    return opensim


@contextmanager
def no_standard_output() -> Iterator[None]:
    """Discard what is written to file descriptor 1: the tool prints the model's summary at any log level."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _parse_xml(path: Path) -> ET.Element:
    """Return an XML file's root; refuse a file that would make OpenSim open another one."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; check the subject's folder.")
    if path.stat().st_size > MAX_XML_BYTES:
        raise DataError(f"{path}: larger than {MAX_XML_BYTES >> 20} MiB; expected a scaled model.")
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as error:
        raise DataError(f"{path}: is no well-formed XML ({error}); copy it again.") from None
    for element in root.iter():
        if "file" in element.attrib:
            raise DataError(
                f"{path}: <{element.tag} file='{element.get('file')}'> points to another file, which is not followed; "
                f"save the model with OpenSim as one file."
            )
    return root


_NOT_NEEDED = ("attached_geometry", "ForceSet", "ControllerSet", "ContactGeometrySet", "ProbeSet")


def load_model(opensim: Any, path: Path) -> Any:
    """Return the skeleton of an .osim file: no muscle, actuator, spring or contact, and no drawing.

    The rest names no other file, and its generalized forces are the net ones that motion and measured loads require.

    Raises:
        DataError: the file is missing, broken, names another file, or has other coordinates than the 35.
    """
    root = _parse_xml(path)
    for parent in root.iter():
        for child in [child for child in parent if child.tag in _NOT_NEEDED]:
            parent.remove(child)
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "model.osim"
        ET.ElementTree(root).write(bare)
        try:
            model = opensim.Model(str(bare))
            model.initSystem()
        except RuntimeError as error:
            raise DataError(f"{path}: OpenSim cannot build this model ({str(error).splitlines()[0]}).") from None
    coordinates = model.getCoordinateSet()
    names = [coordinates.get(i).getName() for i in range(coordinates.getSize())]
    missing = [name for name in COORDINATES if name not in names]
    unknown = [name for name in names if name not in COORDINATES]
    if missing or unknown:
        raise DataError(
            f"{path}: its coordinates are not the {len(COORDINATES)} of the LaiArnold full-body model "
            f"(missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'})."
        )
    return model


def opensim_storage(opensim: Any, columns: Sequence[str], time: np.ndarray, data: np.ndarray) -> Any:
    """Return numbers over time as OpenSim's Storage, not in degrees."""
    table = opensim.Storage(len(time))
    labels = opensim.ArrayStr()
    for label in ("time", *columns):
        labels.append(label)
    table.setColumnLabels(labels)
    table.setInDegrees(False)
    for t, row in zip(time.tolist(), np.ascontiguousarray(data, dtype=np.float64)):
        table.append(t, opensim.Vector.createFromMat(row))
    return table


def add_loads(opensim: Any, model: Any, measured: Any, loads: Sequence[ExternalLoad], model_path: Path) -> None:
    """Let the measured forces act on the model's bodies.

    Raises:
        DataError: the model has no such body.
    """
    bodies = model.getBodySet()
    names = [bodies.get(i).getName() for i in range(bodies.getSize())]
    for i, load in enumerate(loads):
        if load.body not in names:
            raise DataError(f"{model_path}: has no body '{load.body}' for a force ({nearest_names(load.body, names)}).")
        force = opensim.ExternalForce(measured, load.force, load.point, load.torque, load.body, "ground", "ground")
        force.setName(f"load_{i}")
        # addForce takes ownership before it checks the force; if Python owned it too, a failure would free it twice.
        force.thisown = False
        model.addForce(force)
