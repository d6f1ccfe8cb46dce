"""mindone's pipelines with checkpoints from the Hub: real workers, the real client, a Hub on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_hub import COMMIT, HubServer, files_of, serving
from samples import make_case

from harness.baselines.store import BaselineStore
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed
from harness.operations.check import check
from harness.operations.proposal import propose
from harness.operations.record import write

pytestmark = pytest.mark.mindone

CHECKPOINTS = Path(__file__).parents[2] / "suites" / "mindone" / "checkpoints"
REPOSITORY = "someone/pictures"
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    files = files_of(CHECKPOINTS / "ddim") | {"README.md": b"# Pictures", "run.py": b"raise"}
    with serving({REPOSITORY: files}) as server:
        yield server


@pytest.fixture
def home(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The client's empty cache; workers that start from here on use it, and the Hub."""
    hub.requests.clear()
    for name, value in hub.environment(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    return tmp_path / "home"


def case(pipeline: str = "DDIMPipeline", revision: str = "v1", **fields: Any) -> Any:
    checkpoint = f"hub:{REPOSITORY}@{revision}"
    fields = {"arguments": {}, **fields}
    return make_case(pipeline=f"mindone:{pipeline}", checkpoint=checkpoint, **fields)


def fetched(hub: HubServer) -> set[str]:
    return {request.split("/", 5)[-1] for request in hub.requests if request.startswith("GET /someone")}


@pytest.mark.slow
def test_the_revision_that_a_tag_stood_for_is_in_the_baseline(
    hub: HubServer, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BaselineStore(tmp_path / "baselines")
    with Runner(timeout=300) as runner:
        proposal = propose([case()], runner, store)
        assert proposal.refusals == ()
        write(proposal, store, None)
        assert "run.py" not in fetched(hub)
        baseline = store.load("guide", "two-steps", store.devices("guide", "two-steps")[0])
        assert baseline.measurement.checkpoint.revision == COMMIT
        assert WEIGHTS in baseline.measurement.checkpoint.files
        # A machine with that cache and no network.
        runner.restart()
        hub.requests.clear()
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        assert check(case(), runner, store).judgement.verdict.value == "identical"
        assert hub.requests == []


def test_a_repository_of_another_class_is_refused_before_its_weights_are_fetched(
    hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describing = {"model_index.json", "scheduler_config.json"}
    with Runner(timeout=300) as runner:
        with pytest.raises(CaseFailed, match="a checkpoint of DDIMPipeline, which mindone:StableDiffusion"):
            runner.run(case("StableDiffusionPipeline", arguments={"prompt": "a"}).job())
        with pytest.raises(CaseFailed, match="DDIMScheduler has no setting speed"):
            runner.run(case(scheduler_arguments={"speed": 2}).job())
        assert {name.rpartition("/")[2] for name in fetched(hub)} == describing
        # What describes it is in the cache by now, and no more.
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        runner.restart()
        with pytest.raises(CaseFailed) as error:
            runner.run(case().job())
        assert f"hf download {REPOSITORY} --revision v1" in str(error.value)


@pytest.mark.parametrize(
    ("revision", "offline", "reason"),
    [
        ("v2", "", "the repository has no such revision"),
        ("v1", "1", "not in the local cache, and fetching it failed"),
    ],
)
def test_what_cannot_be_fetched_is_one_error_that_says_what_to_do(
    hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch, revision: str, offline: str, reason: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    with Runner(timeout=300) as runner, pytest.raises(CaseFailed) as error:
        runner.run(case(revision=revision).job())
    place, command = str(error.value).splitlines()
    assert place.startswith(f"suites/guide.yaml:4:5: guide/two-steps: hub:{REPOSITORY}@{revision}: {reason}")
    assert f"hf download {REPOSITORY} --revision {revision}" in command
