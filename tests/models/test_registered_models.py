# ruff: noqa: C408 -- configs say dict(type=...)
"""Every class that the package registers in MODELS is reached, built, trained for a step and saved."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest

from vidzoo.models.estimators import TorqueEstimator
from vidzoo.registry import MODELS, Registry
from vidzoo.testing import SMALL_VID_NETWORK, suite_for

DECONVOLUTIONS = dict(type="DeconvHead", in_channels=128, depth_bins=8, num_layers=1, channels=16)
TRANSFORMER = dict(type="TransformerTorqueHead", window=5, dim=32, heads=4, depth=1, feedforward=32)
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "VIDNetwork": [
        SMALL_VID_NETWORK | dict(heatmap_head=DECONVOLUTIONS, temporal_head=TRANSFORMER),
        SMALL_VID_NETWORK | dict(spf_mode="coords"),
        SMALL_VID_NETWORK | dict(marker_regressor=None, spf_mode="coords"),
    ],
}
"""Small configs of every registered estimator; together they use every registered part."""

TestEveryEstimator = suite_for(*(config for configs in EXAMPLES.values() for config in configs))


def registered() -> dict[str, type]:
    """Return what vidzoo itself registers in MODELS."""
    MODELS.import_from_location()
    return {name: cls for name, cls in MODELS.module_dict.items() if cls.__module__.startswith("vidzoo.")}


def estimators() -> list[str]:
    """Return the names of the registered estimators."""
    return [name for name, cls in registered().items() if issubclass(cls, TorqueEstimator)]


def test_every_class_is_found_with_nothing_imported_but_the_registry():
    names = sorted(registered())
    assert {"VIDNetwork", "ResNet", "SoftArgmax3D", "LSTMTorqueHead", "MarkerCodec"} <= set(names)
    code = f"from vidzoo.registry import MODELS\nfor name in {names}: assert MODELS.get(name).__name__ == name"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_an_error_of_an_import_is_not_taken_for_an_unknown_name(tmp_path, monkeypatch):
    (tmp_path / "a_broken_room.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("part", scope="a_scope_of_this_test", locations=["a_broken_room"])
    with pytest.raises(RuntimeError, match="operator torchvision::nms does not exist"):
        registry.get("Anything")


def test_every_estimator_has_an_example_and_every_part_is_in_one():
    assert set(estimators()) == set(EXAMPLES), "give each registered estimator a small example config"
    used = {type(module) for configs in EXAMPLES.values() for c in configs for module in MODELS.build(c).modules()}
    unused = [name for name, cls in registered().items() if cls not in used]
    assert not unused, f"no example config uses {unused}"


def test_every_class_says_what_it_does():
    for name, cls in registered().items():
        assert inspect.getdoc(cls), name
