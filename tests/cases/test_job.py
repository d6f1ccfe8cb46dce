"""What a worker is asked to do, and what it makes of anything else that arrives."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from samples import make_case, make_job

from harness.cases.job import DeepStep, FaultRequest, Job, JobError, SchedulerChoice

JOB = make_job(
    arguments={"eta": 0.5, "prompt": ["a", "b"]},
    scheduler=SchedulerChoice("PNDMScheduler", {"beta_end": 0.1}),
    perturbation=3,
)


@pytest.mark.parametrize(
    "job",
    [
        JOB,
        JOB.member(None),
        JOB.member(4),
        JOB.with_fault("weight-scaled", None),
        JOB.with_fault("beta-end", 0.25),
        JOB.looking_into(2),
        JOB.looking_into(2, b"\x00trace"),
        make_case(scheduler_arguments={"beta_end": 0.1}).job(),
    ],
)
def test_a_job_arrives_as_it_was_sent(job: Job) -> None:
    assert Job.from_wire(job.to_wire()) == job


def test_jobs_made_of_a_job_differ_in_what_they_ask_for_alone() -> None:
    sound = make_case(batch_consistency={"relative_l2": 1e-6}, seeds=(0, 1)).job()
    assert sound.singles
    assert sound.member(5) == replace(sound, keep_latents=True, singles=False, perturbation=5)
    assert sound.with_fault("eta", 0.1) == replace(sound, fault=FaultRequest("eta", 0.1))
    graph = replace(sound, mode="graph")
    assert graph.looking_into(1, b"x") == replace(sound, mode="pynative", deep=DeepStep(1, b"x"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seeds": "0"}, "seeds is of another type"),
        ({"seeds": [0, "1"]}, r"seeds\[1\] is of another type"),
        ({"steps": 2.0}, "steps is of another type"),
        ({"singles": 1}, "singles is of another type"),
        ({"perturbation": True}, "perturbation is of another type"),
        ({"fault": {"name": "eta"}}, "the key fault.size is missing"),
        ({"fault": {"name": "eta", "size": "0.1"}}, "fault.size is of another type"),
        ({"deep": {"step": 0, "reference": "trace"}}, "deep.reference is of another type"),
        ({"keep": "latents"}, "the key keep is unknown"),
    ],
)
def test_what_is_no_job_is_refused_on_arrival(change: dict[str, Any], told: str) -> None:
    with pytest.raises(JobError, match=told):
        Job.from_wire({**JOB.to_wire(), **change})


@pytest.mark.parametrize("wire", [[], "run", 3, {}])
def test_another_form_is_refused_on_arrival(wire: Any) -> None:
    with pytest.raises(JobError, match="cannot read"):
        Job.from_wire(wire)


def test_the_worker_s_side_needs_nothing_of_what_reads_suites() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['pydantic', 'yaml', 'execnet', 'typer', 'rich'])); "
        "import harness.execution.worker; from harness.cases.job import Job; print(Job.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "Job\n", done.stderr
