"""Arguments that make no sense end with status 2 and a sentence that names them."""

from __future__ import annotations

import sys

import pytest

from vidzoo.cli.main import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train a.py --gpus ²", "--gpus: '²': expected a whole number, 1 or more"),
        ("train a.py --gpus 0", "--gpus: '0': expected a whole number, 1 or more"),
        ("test a.py b.pth --gpus two", "--gpus: 'two': expected a whole number, 1 or more"),
        ("prepare-pose3d coco a b --out c.h5 --jobs 0", "--jobs: '0': expected a whole number, 1 or more"),
        ("prepare-pose3d coco a b --out c.h5 --jobs -3", "--jobs: '-3': expected a whole number, 1 or more"),
        ("prepare-pose3d coco a b --out c.h5 --image-size 8", "--image-size: '8': expected a whole number, 16 or more"),
        ("prepare-opencap a --out c.h5 --jobs ²", "--jobs: '²': expected a whole number, 1 or more"),
        ("prepare-opencap a --out c.h5 --box 0,0,0,5", "--box: '0,0,0,5' is no box"),
        ("prepare-opencap a --out c.h5 --box 0.4,0.4,0.2,0.2", "its width and height must be a pixel or more"),
        ("prepare-opencap a --out c.h5 --box nan,0,5,5", "--box: 'nan,0,5,5' is no box"),
        ("make-synthetic --out a.h5 --seed -1", "--seed: '-1': expected a whole number, 0 or more"),
        ("split a.h5 --protocol block --out b.json --seed 1.5", "--seed: '1.5': expected a whole number, 0 or more"),
        ("print-config vidnet_r18 --cfg-options a", "--cfg-options a: expected KEY=VALUE"),
        (
            "print-config vidnet_r19",
            "error: vidnet_r19: no such file, and no recipe of this name; did you mean vidnet_",
        ),
        ("print-config vidnet_r18.py", "error: vidnet_r18.py: no such config."),
        (
            "print-config vidnet_r18 --cfg-options randomness.seed=abc",
            "randomness.seed is 'abc', expected a whole number",
        ),
        ("print-config vidnet_r18 --cfg-options randomness.seed=-1", "randomness.seed is -1, expected a whole number"),
        ("print-config vidnet_r18 --cfg-options compile=True2", "compile is 'True2', expected True, False or a dict"),
        ("print-config vidnet_r18 --cfg-options data_file=a,b.h5", "data_file is ['a', 'b.h5'], expected the path"),
        ("print-config vidnet_r18 --cfg-options data_file=123", "data_file is 123, expected the path of one file"),
        ("print-config vidnet_r18 --data a.h5 --cfg-options split=3", "split is 3, expected the path of one file"),
        (
            "print-config vidnet_r18 --data a.h5 --split b.json --cfg-options test_dataloader.dataset.split=[1,2]",
            "split is [1, 2], expected the path of one file",
        ),
        ("print-config posenet_r18 --data a.h5", "posenet_r18.py: reads no 'data_file', so there is nothing to give"),
        ("plot a.npz --data b.h5 --split c.json --out d.png --trial DJ1", "--subject and --trial go together"),
    ],
)
def test_a_wrong_argument(monkeypatch, capsys, words, said):
    monkeypatch.setattr(sys, "argv", ["vidzoo", *words.split()])
    with pytest.raises(SystemExit) as end:
        main()
    stderr = capsys.readouterr().err
    assert (end.value.code, "Traceback" in stderr) == (2, False)
    assert said in stderr.strip().splitlines()[-1]


def test_data_and_split_go_to_every_part_of_a_config(monkeypatch, capsys):
    words = ["print-config", "vidnet_r18", "--data", "a.h5", "--split", "b.json", "--cfg-options", "split=c.json"]
    monkeypatch.setattr(sys, "argv", ["vidzoo", *words])
    main()
    config: dict = {}
    exec(capsys.readouterr().out, config)  # what is printed is a config again
    for part in (config, config["train_dataloader"]["dataset"], config["test_dataloader"]["dataset"]):
        assert (part["data_file"], part["split"]) == ("a.h5", "b.json")
