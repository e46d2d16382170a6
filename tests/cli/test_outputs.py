"""No command writes over what it reads: each refuses in one sentence, and the file stays as it is."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from vidzoo.apis import list_models
from vidzoo.cli.main import GROUPS, main


@pytest.fixture
def files(tmp_path, tiny_data_file, tiny_split, opencap_root, monkeypatch):
    """A folder with one of each input under fixed names, as the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(tiny_data_file, "data.h5")
    Path("data_link.h5").symlink_to("data.h5")
    Path("out").mkdir()
    for name in ("split.json", "out/results.json"):
        shutil.copyfile(tiny_split, name)
    Path("predictions.npz").write_bytes(b"predictions")
    Path("out/predictions.npz").write_bytes(b"a checkpoint of that name")
    Path("pictures").mkdir()
    Path("pictures/1.jpg").write_bytes(b"a picture")
    Path("people.json").write_text("{}")
    shutil.copytree(opencap_root, "release")
    Path("recording").symlink_to(next(Path("release").rglob("*.trc")))
    return tmp_path


TEST = f"test {list_models('markernet_*')[0]} weights.pth --work-dir w --cfg-options data_file=data.h5"
CASES = [
    ("split data.h5 --protocol block --out", "data.h5"),
    ("split data.h5 --protocol block --out", "data_link.h5"),
    ("split data_link.h5 --protocol block --out", "data.h5"),
    ("prepare-pose3d vid data.h5 --split split.json --out", "data.h5"),
    ("prepare-pose3d vid data.h5 --split split.json --out", "split.json"),
    ("prepare-pose3d coco people.json . --out", "people.json"),
    ("prepare-opencap release --out", "recording"),
    ("draw data.h5 --out", "data_link.h5"),
    ("merge data.h5 --out", "data.h5"),
    ("compare-motion data.h5 data.h5 --json", "data.h5"),
    ("landmarks data.h5 --out", "data_link.h5"),
    ("landmarks data.h5 --json", "data.h5"),
    ("score-landmarks data.h5 --out", "data.h5"),
    ("features data.h5 --config vidnet_blazepose --out", "data_link.h5"),
    ("plot predictions.npz --data data.h5 --split split.json --out", "predictions.npz"),
    ("plot predictions.npz --data data.h5 --split split.json --out", "data.h5"),
    ("plot predictions.npz --data data.h5 --split split.json --out", "split.json"),
    ("physics-baseline --data data.h5 --split out/results.json --out", "out/predictions.npz"),
    (TEST + " split=out/results.json --out", "out"),
    (f"test {list_models('markernet_*')[0]} out/predictions.npz --out", "out"),
    ("compare out/results.json --fill", "out/results.json"),
    ("prepare-pose3d coco empty.json pictures --out", "pictures/1.jpg"),
]


@pytest.mark.parametrize(("words", "output"), CASES)
def test_an_output_that_is_an_input_is_refused(files, words, output, monkeypatch, capsys):
    before = {path: path.read_bytes() for path in files.rglob("*") if path.is_file()}
    monkeypatch.setattr(sys, "argv", ["vidzoo", *words.split(), output])
    with pytest.raises(SystemExit) as end:
        main()
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert end.value.code == 2
    assert sentence.startswith("error: ")
    assert sentence.endswith(" is also an input, which writing would destroy; name another output.")
    assert all(path.read_bytes() == content for path, content in before.items())


def test_every_command_that_writes_a_named_file_is_among_them():
    writers = set()
    for name in [name for names in GROUPS.values() for name in names]:
        source = Path(sys.modules[main.__module__].__file__).with_name(f"{name.replace('-', '_')}.py")
        if '"--out"' in source.read_text(encoding="utf-8"):
            writers.add(name)
    reads_no_file = {"interval-coverage", "make-synthetic"}
    writes_into_a_folder = {"convert-blazepose"}  # files whose names no graph file has
    assert writers - {words.split()[0] for words, _ in CASES} == reads_no_file | writes_into_a_folder


@pytest.mark.parametrize(
    "words",
    ["physics-baseline --data data.h5 --split split.json --out data.h5", TEST + " split=split.json --out data.h5"],
)
def test_an_output_folder_that_is_a_file_is_refused_before_any_work(files, words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["vidzoo", *words.split()])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("data.h5 is a file; name a folder.")
