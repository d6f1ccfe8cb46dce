"""Checkpoints from the Hub: the real client against a local server that speaks the Hub's protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_hub import COMMIT, HubServer, files_of, hub_environment, serving

REPOSITORY = "someone/digits"


@pytest.fixture
def hub(stored_checkpoint: Path) -> Iterator[HubServer]:
    files = files_of(stored_checkpoint)
    files |= {"README.md": b"# Digits", "unet/diffusion_pytorch_model.bin": b"pickle", "run.py": b"raise"}
    with serving({REPOSITORY: files}) as server:
        yield server


class Client:
    """Resolves a spec in a process of its own, since huggingface_hub reads its environment on import."""

    def __init__(self, endpoint: str, home: Path) -> None:
        self.environment = {
            **os.environ,
            **hub_environment(endpoint, home),
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
    assert fetched == {
        name for name in hub.repositories[REPOSITORY] if name.endswith((".json", ".safetensors"))
    }
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
    del hub.repositories[REPOSITORY]["unet/diffusion_pytorch_model.safetensors"]
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
