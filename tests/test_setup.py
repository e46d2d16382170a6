"""What setup.py asks pip for is what the package imports."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import setuptools
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]

DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python", "mmcv": "mmcv-lite", "yaml": "pyyaml"}
"""The packages whose distribution has another name."""

OF_AN_EXTRA = {
    "opensim": ("vidzoo/dynamics/",),
    "synthetic": ("vidzoo/synthetic/",),
    "timm": ("vidzoo/models/backbones/timm_backbone.py",),
    "server": ("vidzoo/leaderboard/server/", "vidzoo/leaderboard/submit.py", "vidzoo/cli/serve_leaderboard.py"),
    "litert": ("vidzoo/models/blazepose/convert.py",),
    "dev": ("vidzoo/testing.py",),
}
"""Where the packages of an extra are imported, so that everything else works without them."""

FOR_OTHERS = {
    "ai-edge-litert": "tests/models/test_blazepose.py runs BlazePose's graph files with it",
    "tensorboard": "MMEngine's TensorboardVisBackend imports it",
    "psycopg": "SQLAlchemy imports it for postgresql+psycopg://",
}
"""What is declared and not imported here, and why."""


@pytest.fixture(scope="module")
def asked() -> dict[str, Any]:
    """What setup.py says to setuptools."""
    with pytest.MonkeyPatch.context() as patch:
        found: dict[str, Any] = {}
        patch.setattr(setuptools, "setup", found.update)
        runpy.run_path(str(ROOT / "setup.py"))
    return found


def names(requirements: list[str]) -> set[str]:
    return {Requirement(requirement).name for requirement in requirements}


def imports() -> Iterator[tuple[str, str]]:
    """Yield the path of each module of the package and the distribution of each foreign package that it imports."""
    for path in sorted((ROOT / "vidzoo").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            else:
                continue
            for package in {module.split(".")[0] for module in modules} - {"vidzoo", *sys.stdlib_module_names}:
                yield path.relative_to(ROOT).as_posix(), DISTRIBUTIONS.get(package, package)


def test_what_is_imported_is_declared(asked):
    base = names(asked["install_requires"])
    extras = {extra: names(asked["extras_require"][extra]) for extra in OF_AN_EXTRA}
    for path, distribution in imports():
        homes = {extra for extra, places in OF_AN_EXTRA.items() if path.startswith(places)}
        declared = base.union(*(extras[extra] for extra in homes))
        assert distribution in declared, f"{path} imports {distribution}"


def test_what_is_declared_is_imported(asked):
    extras = {extra: names(listed) for extra, listed in asked["extras_require"].items() if extra not in ("all", "dev")}
    declared = names(asked["install_requires"]).union(*extras.values())
    imported = {distribution for _, distribution in imports()}
    assert declared - imported == set(FOR_OTHERS)
    for extra, places in OF_AN_EXTRA.items():
        assert all((ROOT / place).exists() for place in places), extra


def test_bounds(asked):
    """MMEngine's private names are used, so its next minor version is not admitted; nothing else stops an upgrade."""
    upper = {
        requirement.name
        for requirement in map(Requirement, [*asked["install_requires"], *asked["extras_require"]["all"]])
        if any(specifier.operator in ("<", "<=", "==", "~=") for specifier in requirement.specifier)
    }
    assert upper == {"mmengine"}
    assert asked["python_requires"] == ">=3.10"
    refused = re.findall(r"3, \d+", (ROOT / "tools/install.sh").read_text(encoding="utf-8"))
    assert refused == ["3, 10"], "tools/install.sh knows no upper bound"


def test_opensim_is_asked_for_only_where_it_has_wheels(asked):
    for extra in ("opensim", "all"):
        (opensim,) = (r for r in map(Requirement, asked["extras_require"][extra]) if r.name == "opensim")
        for python, system, machine, expected in (
            ("3.10", "Linux", "x86_64", False),
            ("3.11", "Linux", "x86_64", True),
            ("3.13", "Linux", "aarch64", False),
            ("3.12", "Darwin", "arm64", True),
            ("3.10", "Windows", "AMD64", False),
            ("3.12", "Windows", "AMD64", True),
            ("3.14", "Linux", "x86_64", False),
        ):
            environment = {"python_version": python, "platform_system": system, "platform_machine": machine}
            assert opensim.marker.evaluate(environment) is expected, environment
