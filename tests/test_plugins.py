"""Installed plug-ins: found, tested by the importable suite, and harmless where they are broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vidzoo.errors import ConfigError, UnknownNameError
from vidzoo.registry import MODELS, load_plugins

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "projects/example_plugin"

AS_A_USER = """
import sys
from vidzoo.registry import MODELS
MODELS.get("ResNet")
assert "vidzoo_gru" not in sys.modules, "imported though nobody asked for it"
assert MODELS.get("GRUTorqueHead").__module__ == "vidzoo_gru.gru"

from mmengine.registry import init_default_scope
from vidzoo.engine import load_config
config = load_config(sys.argv[1])
init_default_scope(config.default_scope)
head = MODELS.build(config.model).temporal_head
assert (type(head).__name__, head.window) == ("GRUTorqueHead", 13)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example plug-in, installed by pip."""
    source, site = tmp_path_factory.mktemp("source") / "plugin", tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, source)  # where pip may leave its build folder
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", site]
    subprocess.run([*command, source], check=True, timeout=120)
    return site


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["-c", AS_A_USER, EXAMPLE / "configs/vidnet_r18_gru.py"], id="found by its entry point"),
        pytest.param(["-m", "pytest", "-p", "no:cacheprovider", EXAMPLE / "tests"], id="passes the suite"),
    ],
)
def test_the_example(site: Path, command: list):
    path = os.pathsep.join([str(site), str(ROOT)])
    subprocess.run([sys.executable, *command], check=True, timeout=120, env={**os.environ, "PYTHONPATH": path})


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that puts a package of one module and its entry point on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(MODELS, "_module_dict", dict(MODELS.module_dict))
    load_plugins.cache_clear()

    def write(name: str, code: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[vidzoo.plugins]\nmine = {name}\n")

    yield write
    load_plugins.cache_clear()


HEAD = "from vidzoo.registry import MODELS\n@MODELS.register_module()\nclass {}: pass\n"


def test_a_broken_plug_in_is_named_and_costs_only_itself(install: Callable):
    install("broken_zoo", "import a_package_that_is_not_there")
    install("sound_zoo", HEAD.format("SoundHead"))
    with pytest.warns(UserWarning, match=r"\(broken_zoo, of the package broken_zoo\) cannot be imported: Module"):
        assert MODELS.get("SoundHead").__module__ == "sound_zoo"
    assert MODELS.get("ResNet").__module__ == "vidzoo.models.backbones.resnet"
    with pytest.raises(UnknownNameError) as error:
        MODELS.get("SoundHaed")
    assert "did you mean SoundHead" in str(error.value)
    assert "the plug-in sound_zoo" in str(error.value)
    assert re.search(r"Left out: .*broken_zoo.* No module named 'a_package_that_is_not_there'", str(error.value))


def test_a_name_that_is_taken_is_named_with_its_owners(install: Callable):
    install("greedy_zoo", HEAD.format("LSTMTorqueHead"))
    with pytest.warns(UserWarning, match=r"'LSTMTorqueHead' exists twice, in vidzoo\.\S+lstm and in greedy_zoo;"):
        load_plugins()
    assert MODELS.get("LSTMTorqueHead").__module__ == "vidzoo.models.temporal_heads.lstm"
    with pytest.raises(ConfigError, match=r"@register_module\(name='MyLSTMTorqueHead'\)"):
        MODELS.register_module(module=type("LSTMTorqueHead", (), {}))
    own = MODELS.register_module(module=type("LSTMTorqueHead", (), {}), force=True)
    assert MODELS.get("LSTMTorqueHead") is own
