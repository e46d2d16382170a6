"""An OpenCap folder that a test may spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def root(opencap_root: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(opencap_root, tmp_path / "release")
