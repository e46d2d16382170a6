import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import initialize
from mmengine.registry import DefaultScope
from safetensors.torch import save_file
from torch import nn

from vidzoo.engine import check_fit, find_checkpoint, read_checkpoint
from vidzoo.errors import CheckpointError


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint with everything that MMEngine's runner puts into one."""
    log = HistoryBuffer()
    for value in (1.0, 3.0):
        log.update(value)
    content = {
        "meta": {"epoch": 2, "iter": 8, "seed": np.int64(3), "dataset_meta": {"torques": ("a", "b")}},
        "state_dict": nn.Linear(3, 2).state_dict(),
        "message_hub": {"log_scalars": {"loss": log}, "runtime_info": {"best": np.float32(0.5), "n": np.arange(3)}},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}},
    }
    path = tmp_path / "epoch_2.pth"
    torch.save(content, path)
    return path, content


def test_reads_what_the_runner_writes(checkpoint):
    path, content = checkpoint
    read = read_checkpoint(path)
    assert torch.equal(read["state_dict"]["weight"], content["state_dict"]["weight"])
    assert read["message_hub"]["log_scalars"]["loss"].mean() == 2.0
    assert read["message_hub"]["runtime_info"]["best"] == np.float32(0.5)
    assert read["meta"] == content["meta"]
    assert HistoryBuffer not in torch.serialization.get_safe_globals()  # nothing stays allowed


@pytest.mark.parametrize(
    "url",
    [
        "http://x.org/a.pth",
        "https://x.org/a.pth",
        "s3://bucket/a.pth",
        "open-mmlab:s3://a.pth",
        "petrel://a.pth",
        "pavi://a",
        "torchvision://resnet18",
        "modelzoo://resnet18",
        "open-mmlab://a",
        "mmcls://a",
    ],
)
def test_nothing_is_downloaded(url):
    for read in (read_checkpoint, lambda url: pretrained(nn.Linear(3, 2), checkpoint=url)):
        with pytest.raises(CheckpointError, match="from this machine only"):
            read(url)


def pretrained(module, **arguments):
    """Initialise a module by ``init_cfg=dict(type='Pretrained', ...)`` in vidzoo's scope, as a training does."""
    with DefaultScope.overwrite_default_scope("vidzoo"):
        initialize(module, {"type": "Pretrained", **arguments})


def test_pretrained_weights_of_a_config_are_read_by_it(checkpoint, tmp_path):
    path, content = checkpoint
    whole, part = nn.Linear(3, 2), nn.Linear(3, 2)
    pretrained(whole, checkpoint=str(path))
    torch.save({f"module.head.{name}": value for name, value in content["state_dict"].items()}, tmp_path / "head.pth")
    pretrained(part, checkpoint=str(tmp_path / "head.pth"), prefix="head")
    for module in (whole, part):
        assert torch.equal(module.weight, content["state_dict"]["weight"])
    with pytest.raises(CheckpointError, match=r"head\.pth: holds no weights under the prefix 'neck'"):
        pretrained(part, checkpoint=str(tmp_path / "head.pth"), prefix="neck")


class Runs:
    """Unpickles to the result of a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (lambda: {"state_dict": {"w": torch.ones(1)}, "x": Runs(os.system, ("touch owned",))}, "system"),
        (lambda: {"state_dict": {"w": torch.ones(1)}, "x": Runs(eval, ("open('owned', 'w')",))}, "eval"),
        (lambda: {"state_dict": {"w": torch.ones(1)}, "x": Runs(getattr, (np.ndarray, "tofile"))}, "getattr"),
        (lambda: {"state_dict": {"w": torch.ones(1)}, "x": Runs(getattr, (HistoryBuffer, "__init__"))}, "getattr"),
    ],
)
def test_a_hostile_pickle_is_refused(tmp_path, monkeypatch, content, named):
    monkeypatch.chdir(tmp_path)
    for name, save in (("new.pth", torch.save), ("old.pth", lambda c, p: p.write_bytes(pickle.dumps(c)))):
        path = tmp_path / name
        save(content(), path)
        with pytest.raises(CheckpointError):
            pretrained(nn.Linear(1, 1), checkpoint=str(path))
        with pytest.raises(CheckpointError) as caught:
            read_checkpoint(path)
        assert "\n" not in str(caught.value)
        if name == "new.pth":
            assert "refused" in str(caught.value)
            assert named in str(caught.value)
    assert not (tmp_path / "owned").exists()


def test_an_array_cannot_be_laid_over_foreign_bytes(tmp_path):
    """Objects read out of a checkpoint's bytes are addresses of its author's choice: reading one ends the process."""
    fields = (3, "|", None, ("a",), {"a": (Runs(np.dtype, ("O", False, True)), 0)}, 8, 1, 63)
    object_state = (1, (1,), np.dtype("O"), 0, b"A" * 8)
    laid_over = {
        "objects": lambda: Runs(np.ndarray, ((1,), Runs(np.dtype, ("O", False, True)), b"A" * 8)),
        "fields": lambda: Runs(np.ndarray, ((1,), Runs(np.dtype, ("f8", False, True), fields), b"A" * 8)),
        "rebuilt": lambda: Runs(np.zeros(0).__reduce__()[0], (np.ndarray, (0,), b"b"), object_state),
        "scalar": lambda: Runs(np.float64(0).__reduce__()[0], (np.dtype("O"), b"A" * 8)),
    }
    paths = [tmp_path / f"{name}.pth" for name in laid_over]
    for path in paths:
        torch.save({"state_dict": {"w": torch.ones(1)}, "x": laid_over[path.stem]()}, path)
    code = """
import sys
from vidzoo.engine.checkpoint import read_checkpoint
from vidzoo.errors import CheckpointError
for path in sys.argv[1:]:
    try:
        print(read_checkpoint(path))
    except CheckpointError as error:
        print("CheckpointError:", error)
"""
    run = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == len(paths)
    for line, path in zip(lines, paths):
        assert line.startswith(f"CheckpointError: {path}: ")


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.eye(3, 2, dtype=">f4"))]
    content = {"state_dict": {"w": torch.ones(1)}, "x": {"same": arrays[0], "all": (arrays, np.bool_(True))}}
    torch.save(content, tmp_path / "a.pth")
    read = read_checkpoint(tmp_path / "a.pth")["x"]
    for found, expected in zip((read["same"], *read["all"][0]), (arrays[0], *arrays)):
        assert (type(found), found.dtype) == (np.ndarray, expected.dtype)
        np.testing.assert_array_equal(found, expected)
    assert (read["all"][1], type(read["all"][1])) == (True, np.bool_)


def test_a_log_cannot_bring_statistics_of_its_own(tmp_path):
    """HistoryBuffer takes over the methods that its pickle names: for every log of this process."""
    log = HistoryBuffer([1.0], [1])
    state = log.__getstate__() | {"statistics_methods": {"mean": HistoryBuffer.update}}
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"w": torch.ones(1)}, "x": Runs(HistoryBuffer, (), state)}, path)
    with pytest.raises(CheckpointError, match="refused"):
        read_checkpoint(path)
    assert HistoryBuffer([2.0], [1]).statistics("mean") == 2.0


def test_a_config_inside_is_not_run(checkpoint):
    path, content = checkpoint
    torch.save(content | {"meta": content["meta"] | {"config": "import os; os.system('touch owned')"}}, path)
    assert "config" not in read_checkpoint(path)["meta"]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.99])
def test_a_truncated_file(checkpoint, share):
    path, _ = checkpoint
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match=r"epoch_2\.pth: is .*damaged"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "content", [b"not a checkpoint", b"\x80\x04.", bytes(range(256)) * 8, b"PK\x03\x04" + b"\0" * 99]
)
def test_something_else(tmp_path, content):
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.pth"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [{"state_dict": {}}, {"epoch": 3}, [1, 2], {"state_dict": 3}])
def test_no_weights_in_it(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="holds no weights"):
        read_checkpoint(tmp_path / "a.pth")


def test_missing(tmp_path):
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "a.pth")


def test_weights_alone(tmp_path):
    weights = nn.Linear(3, 2).state_dict()
    torch.save(weights, tmp_path / "a.pth")
    save_file(weights, tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        assert torch.equal(read_checkpoint(tmp_path / name)["state_dict"]["weight"], weights["weight"])
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(whole[:-4])
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        read_checkpoint(tmp_path / "a.safetensors")


def test_another_models_weights():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    good = model.state_dict()
    check_fit(model, good, "a.pth")
    check_fit(model, {f"module.{name}": value for name, value in good.items()}, "a.pth")
    check_fit(model, {n: v for n, v in good.items() if "num_batches" not in n}, "a.pth")
    bad = {n: v for n, v in good.items() if not n.startswith("2.")} | {
        "0.weight": torch.ones(5, 3),
        "head.w": torch.ones(1),
    }
    with pytest.raises(CheckpointError) as caught:
        check_fit(model, bad, "a.pth")
    for part in (
        "a.pth: is a checkpoint of another model: of 9 weights",
        "2 missing (2.weight, 2.bias)",
        "1 unknown (head.w)",
        "1 of another shape (0.weight (5, 3) instead of (2, 3))",
    ):
        assert part in str(caught.value)


def test_weights_that_are_no_tensors():
    model = nn.Linear(3, 2)
    with pytest.raises(CheckpointError, match=r"1 no tensors \(bias\)"):
        check_fit(model, {**model.state_dict(), "bias": 3}, "a.pth")
    with pytest.raises(CheckpointError, match=r"1 unknown \(epoch\)"):
        check_fit(model, {**model.state_dict(), "epoch": 3}, "a.pth")


def test_finding_the_newest(tmp_path):
    assert find_checkpoint(tmp_path) is None
    (tmp_path / "epoch_3.pth").touch()
    assert find_checkpoint(tmp_path) == tmp_path / "epoch_3.pth"  # written, not yet pointed at
    for name in ("epoch_12.pth", "epoch_x.pth", "best_mean_epoch_40.pth", "iter_99.pth"):
        (tmp_path / name).touch()
    assert find_checkpoint(tmp_path) == tmp_path / "epoch_12.pth"
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "epoch_3.pth"))
    assert find_checkpoint(tmp_path) == tmp_path / "epoch_3.pth"
    (tmp_path / "last_checkpoint").write_text("/before/the/move/epoch_3.pth\n")
    assert find_checkpoint(tmp_path) == tmp_path / "epoch_3.pth"
    for gone in ("/before/the/move/epoch_4.pth", ""):
        (tmp_path / "last_checkpoint").write_text(gone)
        with pytest.raises(CheckpointError, match="is not there"):
            find_checkpoint(tmp_path)
