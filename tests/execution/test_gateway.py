"""A worker's process and its folder are gone at the end, however far its start came."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from execnet import gateway_bootstrap

from harness.execution.gateway import WorkerGateway

_WHERE = "import os; channel.send((os.getpid(), os.getcwd()))"


def test_the_process_runs_in_a_folder_that_is_gone_with_it():
    gateway = WorkerGateway("harness test's-")
    pid, folder = gateway.open(sys.executable).remote_exec(_WHERE).receive(timeout=60)
    assert (pid, Path(folder)) == (gateway.process.pid, gateway.folder.resolve())
    gateway.end()
    gateway.end()
    assert not gateway.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_interrupt_before_the_process_has_answered_leaves_nothing_behind(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(gateway_bootstrap, "bootstrap", interrupted)
    gateway = WorkerGateway("harness-test-")
    with pytest.raises(KeyboardInterrupt):
        gateway.open(sys.executable)
    pid = gateway.process.pid
    os.kill(pid, 0)
    gateway.end()
    assert not gateway.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_one_that_was_not_opened_or_did_not_start_ends_as_well():
    gateway = WorkerGateway("harness-test-")
    with pytest.raises(OSError, match="no-such-python"):
        gateway.open("/no-such-python")
    assert gateway.process is None
    gateway.end()
    assert not gateway.folder.exists()


@pytest.mark.parametrize("_", range(5))
def test_what_runs_there_runs_in_the_main_thread(_):
    """Only there signals can be set, and which thread it is must not be a matter of chance."""
    asked = "import threading; channel.send(threading.current_thread() is threading.main_thread())"
    gateway = WorkerGateway("harness-test-")
    try:
        assert gateway.open(sys.executable).remote_exec(asked).receive(timeout=60)
    finally:
        gateway.end()
