"""A lab's server: who may upload, what is refused, and what is there after it was killed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra 'server' is not installed")
import httpx
from fastapi.testclient import TestClient

from vidzoo.errors import ConfigError, DataError
from vidzoo.leaderboard.benchmark import define
from vidzoo.leaderboard.bundle import write_bundle
from vidzoo.leaderboard.check import check
from vidzoo.leaderboard.page import render
from vidzoo.leaderboard.server import app as servers
from vidzoo.leaderboard.server.app import make_app
from vidzoo.leaderboard.server.database import Database
from vidzoo.leaderboard.server.signing import Token, Unauthorised, issue, load_key, sign, verify
from vidzoo.leaderboard.store import Store
from vidzoo.leaderboard.submit import make_submission, submit_to_server

ROOT = Path(__file__).parents[2]
TINY = "tiny@1/block"
KEY = bytes(range(32))
ADA = issue(KEY, "ada")


@pytest.fixture
def bundle(run, card, tmp_path):
    """Make the bytes of a bundle."""

    def make(model: str = "mine", noise: float = 10.0, seed: int = 0) -> bytes:
        predictions = run(f"{model}_{noise}_{seed}".replace(" ", "_"), noise, seed)
        path = tmp_path / "one.zip"
        write_bundle(path, make_submission(predictions, TINY, model, card, ["A. B."]), predictions)
        return path.read_bytes()

    return make


@pytest.fixture
def client(store, tmp_path) -> Iterator[TestClient]:
    """A server in this process."""
    database = Database(f"sqlite:///{tmp_path / 'state.db'}")
    with TestClient(make_app(store, database, KEY, revoked=frozenset({"eve"}))) as found:
        yield found


def post(client, body: bytes, token: Token = ADA, **headers: str):
    return client.post("/submissions", content=body, headers={"authorization": sign(token, body), **headers})


def test_an_upload_is_scored_and_ranked(client, bundle, store, data):
    answer = post(client, bundle("slow", 20.0))
    assert answer.status_code == 201 and (answer.json()["rank"], answer.json()["ranked"]) == (1, 1)
    answer = post(client, bundle("fast", 5.0))
    receipt = answer.json()
    assert (receipt["rank"], receipt["ranked"]) == (1, 2)
    table = client.get("/table.json").json()
    rows = next(b["rows"] for b in table["benchmarks"] if b["id"] == TINY)
    assert [row["model"] for row in rows] == ["fast", "slow"]
    assert rows[0]["overall"]["mPJE_mean"] == pytest.approx(receipt["results"]["overall"]["mPJE_mean"])
    listed = client.get("/entries", params={"benchmark": TINY}).json()
    assert [(row["model"], row["user"]) for row in listed] == [("fast", "ada"), ("slow", "ada")]
    assert client.get("/entries", params={"user": "bob"}).json() == []
    assert client.get(f"/{rows[0]['card']}").text.startswith("# A model")
    assert client.get(f"/{rows[0]['entry']}").json()["user"] == "ada"
    assert check(store, render) == ([], [])


def test_the_page_comes_with_a_policy_and_cards_are_no_pages(client, bundle):
    post(client, bundle())
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html") and "Content-Security-Policy" in page.text
    assert page.headers["x-content-type-options"] == "nosniff" and page.headers["x-frame-options"] == "DENY"
    rows = next(b["rows"] for b in client.get("/table.json").json()["benchmarks"] if b["id"] == TINY)
    card = client.get(f"/{rows[0]['card']}")
    assert (
        card.headers["content-type"].startswith("text/plain") and "sandbox" in card.headers["content-security-policy"]
    )
    assert client.head("/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/cards/..%2f..%2fstate.db",
        "/cards/%2e%2e/table.json",
        "/submissions/..%2f../x/table.json",
        "/submissions/tiny@1/block/..%2f..%2f..%2ftable.json",
        "/benchmarks/tiny@1/block.json",
        "/predictions/x.npz",
        "/docs",
        "/openapi.json",
        "/.lock",
    ],
)
def test_nothing_else_is_sent(client, path):
    assert client.get(path).status_code == 404


def test_who_is_not_known(client, bundle, store):
    body = bundle()
    stranger = Token("ada", bytes(32))
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": sign(stranger, body)}):
        answer = client.post("/submissions", content=body, headers=headers)
        assert answer.status_code == 401 and "error" in answer.json()
    assert post(client, body, issue(KEY, "eve")).status_code == 401, "revoked"
    assert not store.entry_paths()


def test_a_replayed_upload_is_refused(client, bundle, store):
    body = bundle()
    headers = {"authorization": sign(ADA, body)}
    assert client.post("/submissions", content=body, headers=headers).status_code == 201
    again = client.post("/submissions", content=body, headers=headers)
    assert again.status_code == 401 and "accepted once" in again.json()["error"]
    other = bundle("other", 3.0)
    taken = client.post("/submissions", content=other, headers=headers)
    assert taken.status_code == 401
    assert len(store.entry_paths()) == 1


def test_a_replay_is_refused_after_the_database_was_lost(client, bundle, store, tmp_path):
    body = bundle()
    headers = {"authorization": sign(ADA, body)}
    assert client.post("/submissions", content=body, headers=headers).status_code == 201
    fresh = Database(f"sqlite:///{tmp_path / 'fresh.db'}")
    with TestClient(make_app(store, fresh, KEY)) as again:
        assert [row["model"] for row in again.get("/entries").json()] == ["mine"]
        assert again.post("/submissions", content=body, headers=headers).status_code == 401


def test_a_signature_is_of_one_body_and_one_time(client, bundle, store, monkeypatch):
    body, other = bundle(), bundle("other", 3.0)
    answer = client.post("/submissions", content=other, headers={"authorization": sign(ADA, body)})
    assert answer.status_code == 400 and "not the one that was signed" in answer.json()["error"]
    now = time.time()
    monkeypatch.setattr("vidzoo.leaderboard.server.signing.time.time", lambda: now - 3600)
    old = sign(ADA, body)
    monkeypatch.undo()
    answer = client.post("/submissions", content=body, headers={"authorization": old})
    assert answer.status_code == 401 and "set your clock" in answer.json()["error"]
    header = sign(ADA, body)
    for before, after in (('user="ada"', 'user="bob"'), ('time="1', 'time="2'), ('upload="', 'upload="0')):
        with pytest.raises(Unauthorised):
            verify(KEY, header.replace(before, after))
    assert not store.entry_paths()


def test_a_body_larger_than_the_limit(client, store, monkeypatch):
    monkeypatch.setattr(servers, "MAX_BUNDLE_BYTES", 1000)
    body = bytes(2000)
    answer = post(client, body)
    assert answer.status_code == 413
    answer = client.post(
        "/submissions", content=iter([body]), headers={"authorization": sign(ADA, body), "content-length": "10"}
    )
    assert answer.status_code == 400 and "larger than" in answer.json()["error"]
    answer = client.post("/submissions", content=iter([body]), headers={"authorization": sign(ADA, body)})
    assert answer.status_code == 413, "no length said"
    assert not store.entry_paths()


def test_a_bad_bundle_is_one_sentence_and_leaves_nothing(client, bundle, store):
    before = sorted(store.folder.rglob("*"))
    for body in (b"", b"PK", bundle()[:-50]):
        answer = post(client, body)
        assert answer.status_code == 422 and "is no bundle" in answer.json()["error"]
        assert str(store.folder) not in answer.text and "/tmp" not in answer.text
    assert sorted(store.folder.rglob("*")) == before


def test_the_same_run_twice_is_refused(client, bundle):
    body = bundle()
    assert post(client, body).status_code == 201
    answer = post(client, body)
    assert answer.status_code == 422 and "are there already" in answer.json()["error"]


def test_one_user_cannot_supersede_anothers_entry(client, run, card, tmp_path, bundle):
    first = post(client, bundle()).json()["entry"]
    predictions = run("better", 1.0)
    path = tmp_path / "theirs.zip"
    write_bundle(path, make_submission(predictions, TINY, "mine", card, ["E."], supersedes=first), predictions)
    answer = post(client, path.read_bytes(), issue(KEY, "bob"))
    assert answer.status_code == 422 and "of ada; only the same one" in answer.json()["error"]


def test_labels_with_external_storage_are_not_read(store, data, split, run, card, tmp_path):
    """A data file whose torques are said to lie in /etc/passwd."""
    (tmp_path / "secret").write_bytes(bytes(1 << 20))
    path = tmp_path / "external.h5"
    path.write_bytes(data.path.read_bytes())
    with h5py.File(path, "r+") as file:
        group = file["subject1/DJ1"]
        shape = group["torques"].shape
        del group["torques"]
        group.create_dataset("torques", shape, np.float32, external=[(str(tmp_path / "secret"), 0, 1 << 20)])
    define(store.folder / "benchmarks", "hidden@1", data, split, "a test", "secret", False, "Ends of trials.")
    predictions = run("external")
    bundle = tmp_path / "b.zip"
    write_bundle(bundle, make_submission(predictions, "hidden@1/block", "m", card, ["A."]), predictions)
    database = Database(f"sqlite:///{tmp_path / 'e.db'}")
    with TestClient(make_app(store, database, KEY, [path])) as client:
        answer = post(client, bundle.read_bytes())
    assert answer.status_code == 422 and "keeps its data outside this file" in answer.json()["error"]
    assert str(tmp_path) not in answer.text
    assert not store.entry_paths()


@pytest.mark.parametrize("url", ["nonsense://x", "", "sqlite:////no/such/folder/state.db", "oracle://x"])
def test_a_database_that_cannot_be_opened(url):
    with pytest.raises(ConfigError, match=r"--database: (cannot be opened|the driver oracledb is not installed)"):
        Database(url)


def test_the_key_is_its_owners_alone(tmp_path):
    path = tmp_path / "server.key"
    key = load_key(path)
    assert load_key(path) == key and path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        load_key(path)
    path.chmod(0o600)
    path.write_text("password")
    with pytest.raises(ConfigError, match="holds no server key"):
        load_key(path)
    for text in ("", "ada", "ada:12", "a b:" + "0" * 64, "../x:" + "0" * 64):
        with pytest.raises(ConfigError, match="the token cannot be read"):
            Token.parse(text)
    assert Token.parse(str(ADA)) == ADA and "key" not in repr(ADA)
    with pytest.raises(ConfigError, match="letters, digits"):
        issue(KEY, "a/b")


# --- a real server ---------------------------------------------------------------------------------------------------
def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Server:
    """tools/serve_leaderboard.py in a process of its own."""

    def __init__(self, store: Store, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "tools/serve_leaderboard.py", "--store", str(store.folder), "--port", str(port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(600):
            try:
                httpx.get(f"{self.url}/table.json", timeout=1)
                return
            except httpx.HTTPError:
                assert self.process.poll() is None, self.process.stderr.read()
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


@pytest.fixture
def token(store) -> Token:
    """Of a user of the real server."""
    command = [sys.executable, "tools/serve_leaderboard.py", "--store", str(store.folder), "--issue", "ada"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Token.parse(done.stdout)


def test_64_clients_at_once(store, run, card, token):
    runs = [(run(f"r{i}", 5.0 + i, i), f"model {i}") for i in range(64)]
    submissions = [(make_submission(path, TINY, model, card, ["A. B."]), path) for path, model in runs]
    server = Server(store, free_port())
    try:
        with ThreadPoolExecutor(64) as pool:
            receipts = list(pool.map(lambda s: submit_to_server(*s, server.url, token), submissions))
        table = httpx.get(f"{server.url}/table.json").json()
        listed = httpx.get(f"{server.url}/entries").json()
    finally:
        server.kill()
    rows = next(b["rows"] for b in table["benchmarks"] if b["id"] == TINY)
    assert {row["id"] for row in rows} == {receipt.entry for receipt in receipts} and len(rows) == 64
    assert [row["rank"] for row in rows] == list(range(1, 65))
    assert [row["id"] for row in listed] == [row["id"] for row in rows]
    assert check(store, render) == ([], [])


def test_what_was_acknowledged_survives_sigkill(store, run, card, token):
    """Killed three times amid uploads; started again, every acknowledged entry is there, and none is torn."""
    runs = [(run(f"r{i}", 5.0 + i, i), f"model {i}") for i in range(24)]
    submissions = [(make_submission(path, TINY, model, card, ["A. B."]), path) for path, model in runs]
    acknowledged: list[str] = []
    todo = list(submissions)
    for kill_after in (2, 5, 9):
        server = Server(store, free_port())
        enough = threading.Event()
        target = len(acknowledged) + min(kill_after, len(todo))

        def send(item, server=server, enough=enough, target=target) -> None:
            try:
                receipt = submit_to_server(*item, server.url, token)
            except DataError:
                return  # cut off, or stored before its answer was cut off and there already
            acknowledged.append(receipt.entry)
            if len(acknowledged) >= target:
                enough.set()

        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(send, item) for item in todo]
            assert enough.wait(60)
            server.kill()
            [future.result() for future in futures]
        there = {path.stem for path in store.entry_paths()}
        assert set(acknowledged) <= there
        done = {json.loads(path.read_text())["submission"]["model"] for path in store.entry_paths()}
        todo = [item for item in submissions if item[0].model not in done]
    server = Server(store, free_port())
    try:
        for item in todo:
            acknowledged.append(submit_to_server(*item, server.url, token).entry)
        listed = {row["id"] for row in httpx.get(f"{server.url}/entries").json()}
    finally:
        server.kill()
    assert set(acknowledged) <= listed and len(listed) == 24
    problems, _ = check(store, render)
    strays = [p for p in problems if p.where.rpartition("/")[2].startswith(".") and p.where.endswith(".tmp")]
    assert problems == strays, problems


def test_a_client_says_what_went_wrong(run, card, store, token):
    path = run("alone")
    submission = make_submission(path, TINY, "mine", card, ["A. B."])
    with pytest.raises(DataError, match="cannot be reached"):
        submit_to_server(submission, path, f"http://127.0.0.1:{free_port()}", token)
    server = Server(store, free_port())
    try:
        with pytest.raises(ConfigError, match="this server does not accept the token"):
            submit_to_server(submission, path, server.url, Token("ada", bytes(32)))
    finally:
        server.kill()


def test_a_server_does_not_start_on_a_broken_record(store, submit, tmp_path):
    submit("mine")
    path = store.entry_paths()[0]
    path.write_bytes(path.read_bytes() + b" ")
    command = [sys.executable, "tools/serve_leaderboard.py", "--store", str(store.folder), "--port", str(free_port())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "changed by hand" in done.stderr and "Traceback" not in done.stderr
