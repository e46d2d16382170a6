"""What setup.py asks pip for."""

import runpy
from pathlib import Path

import setuptools
from packaging.requirements import Requirement


def test_opensim_is_asked_for_only_where_it_has_wheels(monkeypatch):
    asked = {}
    monkeypatch.setattr(setuptools, "setup", asked.update)
    runpy.run_path(str(Path(__file__).parents[1] / "setup.py"))
    for extra in ("opensim", "all"):
        (opensim,) = (r for r in map(Requirement, asked["extras_require"][extra]) if r.name == "opensim")
        for python, system, machine, expected in (
            ("3.10", "Linux", "x86_64", False),
            ("3.11", "Linux", "x86_64", True),
            ("3.13", "Linux", "aarch64", False),
            ("3.12", "Darwin", "arm64", True),
            ("3.10", "Windows", "AMD64", False),
            ("3.12", "Windows", "AMD64", True),
        ):
            environment = {"python_version": python, "platform_system": system, "platform_machine": machine}
            assert opensim.marker.evaluate(environment) is expected, environment
