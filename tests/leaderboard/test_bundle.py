"""What a hostile bundle cannot do."""

from __future__ import annotations

import io
import json
import re
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from vidzoo.errors import DataError
from vidzoo.leaderboard.bundle import check_config, open_bundle, write_bundle
from vidzoo.leaderboard.documents import canonical, sha256
from vidzoo.leaderboard.store import Store
from vidzoo.leaderboard.submit import accept, make_submission

TINY = "tiny@1/block"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder that no other process writes into."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


@pytest.fixture
def good(run, card, tmp_path) -> Path:
    """A bundle in order."""
    predictions = run("good")
    write_bundle(tmp_path / "good.zip", make_submission(predictions, TINY, "mine", card, ["A. B."]), predictions)
    return tmp_path / "good.zip"


@pytest.fixture
def rewrite(good, tmp_path):
    """Write the good bundle with other members: description fields, arrays of the predictions, or whole members."""

    def make(fields: dict | None = None, arrays: dict | None = None, predictions: bytes | None = None) -> Path:
        with zipfile.ZipFile(good) as archive:
            description = json.loads(archive.read("submission.json"))
            content = archive.read("predictions.npz")
        if arrays is not None:
            with np.load(io.BytesIO(content)) as old:
                new = {**old, **arrays}
            out = io.BytesIO()
            np.savez_compressed(out, **new)
            content = out.getvalue()
        content = content if predictions is None else predictions
        description |= {"predictions_sha256": sha256(content), **(fields or {})}
        path = tmp_path / "hostile.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("submission.json", canonical(description))
            archive.writestr("predictions.npz", content)
        return path

    return make


def files(store: Store) -> dict[str, bytes]:
    return {str(p.relative_to(store.folder)): p.read_bytes() for p in store.folder.rglob("*") if p.is_file()}


def refused(store: Store, path: Path, match: str) -> None:
    """Try to hand in a bundle: one clear sentence, and nothing in the store or the temporary folder is left of it."""
    before = files(store)
    with pytest.raises(DataError) as caught, open_bundle(path) as bundle:
        accept(store, bundle)
    sentence = str(caught.value)
    assert re.search(match, sentence), sentence
    assert "\n" not in sentence and len(sentence) < 1500 and "Traceback" not in sentence
    assert tempfile.gettempdir() not in sentence
    assert files(store) == before
    assert not list(Path(tempfile.gettempdir()).iterdir())


def test_the_good_one_is_taken(store, good):
    with open_bundle(good) as bundle:
        assert accept(store, bundle)[1].rank == 1


def npy(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue()


def test_pickled_arrays(store, rewrite):
    refused(store, rewrite(arrays={"torques": np.array([{"a": 1}], dtype=object)}), "is of type object")


def test_nan_and_infinity(store, rewrite, predict):
    for value in (np.nan, np.inf, -np.inf):
        torques = predict().torques.copy()
        torques[3, 2] = value
        refused(store, rewrite(arrays={"torques": torques}), r"no finite number, the first is lumbar_extension of subj")


def test_wrong_dtype(store, rewrite, predict):
    refused(store, rewrite(arrays={"torques": predict().torques.astype(np.float64)}), "'torques' is float64")
    refused(store, rewrite(arrays={"torques": predict().torques.astype(np.int32)}), "is of type int32, expected kind")
    refused(store, rewrite(arrays={"frame": predict().frame.astype(np.float32)}), "is of type float32, expected kind")


def test_duplicate_frames(store, rewrite, predict):
    frame = predict().frame.copy()
    frame[1] = frame[0]
    refused(store, rewrite(arrays={"frame": frame}), "1 frames are predicted more than once")


def npz_with(good: Path, name: str, content: bytes, compress: int = zipfile.ZIP_DEFLATED) -> bytes:
    with zipfile.ZipFile(good) as archive:
        inner = archive.read("predictions.npz")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(inner)) as old, zipfile.ZipFile(out, "w", compress) as new:
        for info in old.infolist():
            new.writestr(info.filename, content if info.filename == name else old.read(info))
    return out.getvalue()


def test_a_declared_array_of_10_gb(store, good, rewrite):
    bomb = npz_with(good, "torques.npy", npy((250_000_000, 11)) + b"\0" * 100)
    refused(store, rewrite(predictions=bomb), r"declares \(250000000, 11\)")


def test_zip_bombs(store, good, rewrite, tmp_path):
    bomb = npz_with(good, "torques.npy", npy((13_000_000, 11)) + bytes(44 * 13_000_000))
    assert len(bomb) < 2 << 20
    refused(store, rewrite(predictions=bomb), "unpacks to .* bytes, at most 536,870,912")
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("submission.json", b"{}")
        archive.writestr("predictions.npz", bytes(200 << 20))
    refused(store, packed, "its members are packed")


@pytest.mark.parametrize("name", ["../../evil.json", "/etc/evil", "submission.json/../x", "C:\\evil", "a" * 5000])
def test_path_traversal_in_members(store, good, tmp_path, name):
    path = tmp_path / "traversal.zip"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
        new.writestr(name, b"x")
        new.writestr("predictions.npz", old.read("predictions.npz"))
    refused(store, path, "expected submission.json and predictions.npz")


def test_a_member_twice(store, good, tmp_path):
    path = tmp_path / "twice.zip"
    path.write_bytes(good.read_bytes())
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("submission.json", b"{}")
    refused(store, path, "expected submission.json and predictions.npz")


@pytest.mark.parametrize("field", ["subject", "trial", "camera"])
def test_path_traversal_in_names(store, rewrite, predict, field):
    values = np.full(len(predict()), "../../../etc/passwd")
    refused(store, rewrite(arrays={field: values}), "frames are (missing|predicted more)|the predictions name|cameras")


@pytest.mark.parametrize("field", ["benchmark", "supersedes", "reproduces"])
@pytest.mark.parametrize("value", ["../../../etc/passwd", "tiny@1/../../x", "", "tiny@1/block\n", "20260101/../x"])
def test_path_traversal_in_references(store, rewrite, field, value):
    refused(store, rewrite({field: value}), f"{field}: String should match pattern")


@pytest.mark.parametrize(
    ("model", "match"),
    [
        ("x" * 100_000, "at most 80 characters"),
        ("", "at least 1 character"),
        ("a\u202eb", "cannot be printed"),
        ("a\nb", "cannot be printed"),
        ("a\0b", "cannot be printed"),
        (" a", "begins or ends with a space"),
        (7, "valid string"),
        (None, "valid string"),
    ],
)
def test_model_names(store, rewrite, model, match):
    refused(store, rewrite({"model": model}), match)


@pytest.mark.parametrize(
    "model",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><b>", "{{7*7}}", "| a | b |", "[x](y)"],
)
def test_markup_in_a_name_is_text_in_table_and_page(store, rewrite, model):
    with open_bundle(rewrite({"model": model})) as bundle:
        accept(store, bundle)
    page = (store.folder / "index.html").read_text(encoding="utf-8")
    if "<" in model:
        assert model not in page
    assert page.count("<script") == page.count("</script>")
    lines = (store.folder / "TABLE.md").read_text(encoding="utf-8").split("## tiny@1/block")[1].splitlines()
    cells = {len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")}
    assert len(cells) == 1, "a name adds no column"
    assert not any("<script" in line or "<img" in line for line in lines)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ("import os\nos.system('touch /tmp/pwned')", "line 1 is no 'name = value'"),
        ("model = __import__('os').system('touch /tmp/pwned')", "line 1 computes something"),
        ("a = 1\nb = [x for x in (1,)]", "line 2 computes something"),
        ("a = dict(b=open('/etc/passwd'))", "line 1 computes something"),
        ("a = (lambda: 1)()", "line 1 computes something"),
        ("a = f'{1}'", "line 1 computes something"),
        ("a = {**dict()}", "line 1 computes something"),
        ("a = dict(*[1], **b)", "line 1 computes something"),
        ("a.b = 1", "line 1 is no 'name = value'"),
        ("a = 2**2**2**2**9", "line 1 computes something"),
        ("a = (", "is no config"),
        ("a = " + "[" * 5000, "is no config"),
    ],
)
def test_a_config_that_would_run_code(store, rewrite, config, match):
    refused(store, rewrite({"config": config}), match)


def test_a_dumped_config_is_plain():
    from mmengine.config import Config

    path = Path(__file__).parents[2] / "configs/vidnet_r101.py"
    text = Config.fromfile(path).pretty_text
    assert check_config(text) == text


def test_a_claim_that_scoring_does_not_bear_out(store, rewrite):
    refused(store, rewrite({"claimed": {"mPJE_mean": 0.001}}), "claimed mPJE_mean: 0.001 is claimed, scoring gives")
    refused(store, rewrite({"claimed": {"fame": 1.0}}), "claimed fame: 1 is claimed, scoring gives no such figure")
    refused(store, rewrite({"claimed": {"mPJE_mean": 1e308}}), "is claimed, scoring gives")


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"authors": []}, "authors: Tuple should have at least 1"),
        ({"authors": ["x"] * 1000}, "authors: Tuple should have at most 40"),
        ({"licence": "<b>"}, "licence: String should match pattern"),
        ({"card": "x" * 300_000}, "card: String should have at most"),
        ({"card": "a\x1b[31mb"}, r"card: Value error, holds the character U\+001B"),
        ({"parameters": -1}, "parameters: Input should be greater"),
        ({"parameters": 1.5}, "parameters: Input should be a valid integer"),
        ({"seed": "0"}, "seed: Input should be a valid integer"),
        ({"extra": 1}, "extra: Extra inputs are not permitted"),
        ({"format": "vid-results"}, "format: Input should be 'vid-submission'"),
        ({"checkpoint_sha256": "../x"}, "checkpoint_sha256: String should match pattern"),
    ],
)
def test_fields_of_the_description(store, rewrite, fields, match):
    refused(store, rewrite(fields), match)


def test_a_description_that_is_no_json(store, good, tmp_path):
    for content in (b"", b"{", b"[]", b"\xff\xfe", b'{"claimed": NaN}', b"[" * 100_000):
        path = tmp_path / "no.zip"
        with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
            new.writestr("submission.json", content)
            new.writestr("predictions.npz", old.read("predictions.npz"))
        refused(store, path, "submission.json: ")


def test_other_predictions_than_described(store, good, rewrite):
    refused(store, rewrite({"predictions_sha256": "0" * 64}), "not those that its description names")


def test_what_is_no_bundle(store, tmp_path, good):
    path = tmp_path / "no.zip"
    for content in (b"", b"PK", good.read_bytes()[:-30], b"\0" * 1000):
        path.write_bytes(content)
        refused(store, path, "no.zip: is no bundle")
    refused(store, tmp_path / "missing.zip", "no such file")


def test_a_bundle_larger_than_the_limit(store, tmp_path):
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.truncate((128 << 20) + 1)
    refused(store, path, "larger than the 128 MiB of a bundle")
