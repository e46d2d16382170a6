"""Imports go downward: what each package may import, and what works on a machine without torch."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import vidzoo

ROOT = Path(vidzoo.__file__).parent
BASE = {"anatomy", "arrays", "errors", "geometry"}
"""Modules that import nothing of vidzoo and that everything may import."""
ALLOWED: dict[str, set[str]] = {
    **{module: set() for module in BASE},
    "task": BASE,
    "registry": BASE,
    "structures": BASE,
    "io": BASE | {"task"},
    "dynamics": BASE | {"io"},
    "data_prep": BASE | {"dynamics", "io"},
    "synthetic": BASE | {"io"},
    "baselines": BASE | {"dynamics", "io"},
    "evaluation": BASE | {"baselines", "io", "registry", "structures", "task"},
    "datasets": BASE | {"io", "registry", "structures", "task"},
    "models": BASE | {"registry", "structures", "task"},
    "pose": BASE | {"datasets", "evaluation", "io", "models"},
    "engine": BASE | {"datasets", "evaluation", "io", "models", "registry", "structures", "task"},
    "leaderboard": BASE | {"evaluation", "io"},
    "visualization": BASE | {"data_prep", "evaluation", "io"},
    "apis": BASE | {"engine", "io", "models", "registry", "task"},
    "testing": BASE | {"models", "registry", "structures", "task"},
}
"""Package or module of vidzoo -> what it may import of vidzoo. ``cli`` may import everything; nothing imports it."""
WITHOUT_TORCH = (*sorted(BASE), "task", "io", "dynamics", "baselines", "data_prep", "evaluation", "leaderboard")
NEED_TORCH = {
    "vidzoo.evaluation.motion_gap",
    "vidzoo.evaluation.pelvis_residual",
    "vidzoo.evaluation.pose_benchmark",
    "vidzoo.evaluation.torque_benchmark",
}
"""Modules of these packages that are MMEngine's plug-ins."""


def part_of(path: Path) -> str:
    """Return the package or module of vidzoo that a file belongs to; '' for ``vidzoo/__init__.py``."""
    return path.relative_to(ROOT).with_suffix("").parts[0].replace("__init__", "")


def imports(path: Path) -> set[str]:
    """Return the packages and modules of vidzoo that a file imports, at its top or in a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            module = node.module or ""
            names = [f"vidzoo.{alias.name}" for alias in node.names] if module == "vidzoo" else [module]
        found |= {name.split(".")[1] for name in names if name.startswith("vidzoo.")}
    return found - {"__version__"}


def test_every_part_imports_only_what_lies_below_it():
    paths = sorted(ROOT.rglob("*.py"))
    assert len(paths) > 100
    for path in paths:
        part = part_of(path)
        if part == "cli":
            continue
        allowed = ALLOWED.get(part, set()) | {part}
        wrong = imports(path) - allowed
        assert not wrong, f"{path.relative_to(ROOT)} imports vidzoo.{', vidzoo.'.join(sorted(wrong))}"


def test_the_allowed_imports_hold_no_circle():
    def below(part: str, path: tuple[str, ...] = ()) -> None:
        assert part not in path, f"a circle: {' -> '.join((*path, part))}"
        for other in ALLOWED[part]:
            below(other, (*path, part))

    for part in ALLOWED:
        below(part)


@pytest.mark.parametrize("part", WITHOUT_TORCH)
def test_imports_without_torch(part: str):
    """Every module of a part is imported in a process in which importing torch or MMEngine fails."""
    modules = [f"vidzoo.{part}"]
    if (ROOT / part).is_dir():
        modules += [found.name for found in pkgutil.walk_packages([str(ROOT / part)], f"vidzoo.{part}.")]
    wanted = sorted(set(modules) - NEED_TORCH)
    code = (
        "import importlib, sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('torch', 'torchvision', 'mmengine', 'mmcv'):\n"
        "            raise ImportError(f'{name} is not there')\n"
        "sys.meta_path.insert(0, Refuse())\n"
        f"for name in {wanted}:\n"
        "    importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
