"""Importing vidzoo changes nothing in other libraries, MMEngine above all."""

from __future__ import annotations

import json
import subprocess
import sys

import torch

FOREIGN = """
import importlib, json, pkgutil, sys

import vidzoo

def import_all():
    names = ["vidzoo", *(found.name for found in pkgutil.walk_packages(vidzoo.__path__, "vidzoo."))]
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:  # of an extra that is not installed
            assert not (error.name or "vidzoo").startswith("vidzoo"), error
    return names
"""
"""What lets a program import every module of vidzoo."""

LIST = (
    FOREIGN
    + """
import_all()
print(json.dumps([name for name in list(sys.modules) if name.partition(".")[0] not in ("vidzoo", "__main__")]))
"""
)

COMPARE = (
    FOREIGN
    + """
import copyreg, inspect, logging, multiprocessing, os, pickle, random, signal, threading, warnings
from contextlib import suppress

foreign, checkpoint = json.load(sys.stdin)
for name in foreign:
    with suppress(Exception):
        importlib.import_module(name)
assert not any(name.startswith("vidzoo.") for name in sys.modules)

import cv2, matplotlib, mmengine, numpy, torch
from mmengine.fileio import get_file_backend
from mmengine.fileio.backends import registry_utils
from mmengine.registry import DefaultScope, Registry
from mmengine.runner import CheckpointLoader

SCHEMES = ["", "http://", "https://", "pavi://", "s3://", "a:s3://", "petrel://", "modelzoo://", "torchvision://",
           "open-mmlab://", "openmmlab://", "mmcls://"]

def names_in_mmengine():
    for module in [m for n, m in list(sys.modules.items()) if n.partition(".")[0] == "mmengine"]:
        for name, value in list(vars(module).items()):
            yield f"{module.__name__}.{name}", id(value)
            if inspect.isclass(value) and value.__module__.startswith("mmengine"):
                for attribute, member in list(vars(value).items()):
                    if not attribute.startswith("_abc"):
                        yield f"{module.__name__}.{name}.{attribute}", id(member)

def state():
    loaders = {scheme: CheckpointLoader._get_checkpoint_loader(scheme + "a.pth") for scheme in SCHEMES}
    registries = {k: r for k, r in vars(mmengine.registry.root).items() if isinstance(r, Registry)}
    return {
        "names in MMEngine": dict(names_in_mmengine()),
        "checkpoint loaders": (loaders, list(CheckpointLoader._schemes.items())),
        "file backends": (dict(registry_utils.backends), dict(registry_utils.prefix_to_backends)),
        "backend of a path": type(get_file_backend("/tmp/a.pth")),
        "registered in MMEngine": {name: dict(r.module_dict) for name, r in registries.items()},
        "scope": DefaultScope.get_current_instance(),
        "safe globals": list(torch.serialization.get_safe_globals()),
        "pickle": (dict(pickle._Unpickler.dispatch), dict(copyreg.dispatch_table)),
        "threads": (cv2.getNumThreads(), torch.get_num_threads(), cv2.useOptimized()),
        "torch": (torch.get_default_dtype(), torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled(),
                  torch.backends.cudnn.benchmark, torch.multiprocessing.get_sharing_strategy()),
        "random states": (random.getstate(), repr(numpy.random.get_state()), torch.get_rng_state().tolist()),
        "numpy": (numpy.geterr(), numpy.get_printoptions()),
        "matplotlib": dict.copy(matplotlib.rcParams),
        "warnings": list(warnings.filters),
        "signals": {s: signal.getsignal(s) for s in signal.valid_signals()},
        "environment": (dict(os.environ), list(sys.path), os.getcwd()),
        "hooks": (sys.excepthook, threading.excepthook, sys.meta_path[:], sys.path_hooks[:]),
        "logging": (logging.root.level, list(logging.root.handlers), logging.getLoggerClass()),
        "processes": multiprocessing.get_start_method(allow_none=True),
    }

before = state()
read_before = CheckpointLoader.load_checkpoint(checkpoint)
names = import_all()
vidzoo.registry.MODELS.build(dict(type="WeightedMSELoss"))
after = state()
read_after = CheckpointLoader.load_checkpoint(checkpoint)
changed = [name for name, value in before.items() if value != after[name]]
details = {
    name: [k for k, v in before[name].items() if after[name].get(k) is not v]
    for name in changed
    if isinstance(before[name], dict)
}
print(json.dumps({
    "modules": len(names), "names": len(before["names in MMEngine"]), "changed": changed, "details": details,
    "read": read_before == read_after == {"step": 3, "values": [1.0, 2.0]},
}))
"""
)


def _run(program: str, given: object = None) -> dict:
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, input=json.dumps(given))
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_other_libraries_are_as_before(tmp_path):
    path = tmp_path / "another_project.pth"
    torch.save({"step": 3, "values": [1.0, 2.0]}, path)  # no state dict: read_checkpoint would refuse it
    found = _run(COMPARE, [_run(LIST), str(path)])
    assert found.pop("modules") > 80
    assert found.pop("names") > 1000
    assert found == {"changed": [], "details": {}, "read": True}
