"""Checkpoints from the Hub: the real client against a local server that speaks the Hub's protocol."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

COMMIT = "3fc0f5a1b9d0c7e0a1b2c3d4e5f60718293a4b5c"
REPOSITORY = "someone/digits"


class Hub(BaseHTTPRequestHandler):
    """The part of the Hub's API that fetching a snapshot needs: revision, tree, and files by HEAD and GET."""

    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            repository, what, revision = "/".join(parts[2:4]), parts[4], parts[5]
        else:
            repository, what, revision = "/".join(parts[:2]), parts[2], parts[3]
        if repository == "someone/gated":
            self._fail(403, "GatedRepo", "Access to model someone/gated is restricted.")
        elif repository == "someone/broken":
            self._fail(500, "", "Internal error")
        elif repository != REPOSITORY:
            self._fail(404, "RepoNotFound", "Repository not found")
        elif revision not in (COMMIT, "v1"):
            self._fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif what == "resolve":
            self._send_file("/".join(parts[4:]), body)
        else:
            names = sorted(self.server.files)
            listing: Any = [self._entry(name) for name in names]
            if what == "revision":
                siblings = [{"rfilename": name} for name in names]
                listing = {"id": REPOSITORY, "modelId": REPOSITORY, "sha": COMMIT, "siblings": siblings}
                listing |= {"private": False, "downloads": 0, "tags": []}
            self._send(200, json.dumps(listing).encode(), {"Content-Type": "application/json"}, body)

    def _entry(self, name: str) -> dict[str, Any]:
        content = self.server.files[name]
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": name, "size": len(content), "oid": oid}

    def _send_file(self, name: str, body: bool) -> None:
        content = self.server.files[name]
        etag = hashlib.sha1(content).hexdigest()
        self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, body)

    def _fail(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message} if code else {}
        self._send(status, json.dumps({"error": message}).encode(), headers, self.command != "HEAD")

    def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


class HubServer(ThreadingHTTPServer):
    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Hub)
        self.files = files
        self.requests: list[str] = []


@pytest.fixture
def hub(stored_checkpoint: Path) -> Iterator[HubServer]:
    files = {
        path.relative_to(stored_checkpoint).as_posix(): path.read_bytes()
        for path in stored_checkpoint.rglob("*.*")
    }
    files |= {"README.md": b"# Digits", "unet/diffusion_pytorch_model.bin": b"pickle", "run.py": b"raise"}
    with HubServer(files) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Client:
    """Resolves a spec in a process of its own, since huggingface_hub reads its environment on import."""

    def __init__(self, endpoint: str, home: Path) -> None:
        self.environment = os.environ | {
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DOWNLOAD_TIMEOUT": "5",
            "HF_HUB_ETAG_TIMEOUT": "5",
            "NO_PROXY": "127.0.0.1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    def resolve(self, spec: str, **environment: str) -> dict[str, str]:
        code = (
            "import json, sys\n"
            "from pathlib import Path\n"
            "from harness.pipelines.checkpoints import resolve\n"
            "from harness.pipelines.errors import CheckpointError\n"
            "try:\n"
            "    found = resolve(sys.argv[1], Path())\n"
            "    answer = {'folder': str(found.folder), 'revision': found.revision}\n"
            "    found.open()\n"
            "except CheckpointError as error:\n"
            "    answer = {'error': str(error)}\n"
            "print(json.dumps(answer))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, spec],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return answer


@pytest.fixture
def client(hub: HubServer, tmp_path: Path) -> Client:
    return Client(f"http://127.0.0.1:{hub.server_port}", tmp_path / "home")


def test_a_tag_resolves_to_its_commit_and_only_data_is_fetched(
    hub: HubServer, client: Client, stored_checkpoint: Path
) -> None:
    answer = client.resolve(f"hub:{REPOSITORY}@v1")
    assert answer["revision"] == COMMIT
    folder = Path(answer["folder"])
    fetched = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert fetched == {name for name in hub.files if name.endswith((".json", ".safetensors"))}
    for name in fetched:
        assert (folder / name).read_bytes() == (stored_checkpoint / name).read_bytes()
    assert not [request for request in hub.requests if request.endswith((".bin", ".py"))]


def test_what_was_fetched_once_needs_no_network(hub: HubServer, client: Client) -> None:
    first = client.resolve(f"hub:{REPOSITORY}@v1")
    asked = len(hub.requests)
    for spec in (f"hub:{REPOSITORY}@v1", f"hub:{REPOSITORY}@{COMMIT}"):
        assert client.resolve(spec, HF_HUB_OFFLINE="1") == first
    assert len(hub.requests) == asked
    client.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    assert client.resolve(f"hub:{REPOSITORY}@{COMMIT}") == first


@pytest.mark.parametrize(
    ("repository", "revision", "reason"),
    [
        ("someone/nothing", "v1", "no such repository, or a private one"),
        (REPOSITORY, "v2", "the repository has no such revision"),
        ("someone/gated", "v1", "the repository is gated"),
        ("someone/broken", "v1", "not in the local cache, and fetching it failed"),
    ],
)
def test_a_refusal_of_the_hub_is_one_error_that_says_what_to_do(
    client: Client, repository: str, revision: str, reason: str
) -> None:
    expect_error(client.resolve(f"hub:{repository}@{revision}"), repository, revision, reason)


def test_offline_without_a_cached_copy_is_one_error_that_says_what_to_do(
    hub: HubServer, client: Client
) -> None:
    answer = client.resolve(f"hub:{REPOSITORY}@v1", HF_HUB_OFFLINE="1")
    expect_error(answer, REPOSITORY, "v1", "not in the local cache, and fetching it failed")
    assert hub.requests == []


def test_a_server_that_is_down_is_one_error_that_says_what_to_do(tmp_path: Path) -> None:
    answer = Client("http://127.0.0.1:9", tmp_path).resolve(f"hub:{REPOSITORY}@v1")
    expect_error(answer, REPOSITORY, "v1", "not in the local cache, and fetching it failed")


def test_a_repository_with_pickled_weights_only_is_refused(hub: HubServer, client: Client) -> None:
    del hub.files["unet/diffusion_pytorch_model.safetensors"]
    answer = client.resolve(f"hub:{REPOSITORY}@v1")
    assert "unet/diffusion_pytorch_model.safetensors: no such file" in answer["error"]
    assert "safe_serialization=True" in answer["error"]


def expect_error(answer: dict[str, str], repository: str, revision: str, reason: str) -> None:
    message = answer["error"]
    assert message.startswith(f"hub:{repository}@{revision}: {reason}")
    assert f"hf download {repository} --revision {revision}" in message
    assert "HF_HOME" in message
    assert "local folder" in message
    assert len(message.splitlines()) == 2
