"""The implementation that a case's pipeline is built on, if it is not the harness's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from harness.errors import FailureCause, HarnessError
from harness.measurement.bfloat16 import BFLOAT16
from harness.pipelines import diffusers
from harness.pipelines.mindone import PREFIX, check_installed, code_version

MINDONE = PREFIX.rstrip(":")
DIFFUSERS = diffusers.PREFIX.rstrip(":")
# Not the name of any pipeline: the kernels for mint without mindone, for single operators.
KERNELS = "kernels"


class MissingKernel(HarnessError):
    """A pipeline needs an operator for which this device has no kernel."""

    cause = FailureCause.MISSING_KERNEL


def implementation_of(pipeline: str) -> str:
    """Return the implementation of ``pipeline``, as a case names it; '' for the harness's own."""
    prefix, colon, _ = pipeline.partition(":")
    return prefix if colon and prefix in (MINDONE, DIFFUSERS) else ""


class Implementation:
    """What a worker needs for the cases of one implementation (nothing for the harness's own).

    Create it before MindSpore is imported. Raises :class:`HarnessError` if a package is not installed. For
    mindone on CPU, and for single operators, it installs kernels for what MindSpore has only on Ascend, and
    for bfloat16 on CPU, whatever the implementation, those that compute it in float32. They stay until the
    process ends, so such a worker runs no other cases.
    """

    def __init__(self, name: str, device: str, dtype: str, mode: str) -> None:
        self._mindone, self._device = name == MINDONE, device
        self._diffusers = name == DIFFUSERS
        self._compiles = mode == "graph"
        # torch computes in bfloat16 itself.
        self._widens = device == "CPU" and dtype == BFLOAT16 and not self._diffusers
        self._brings = device == "CPU" and name in (MINDONE, KERNELS)
        self._kernels: Any = None
        if self._mindone:
            check_installed()

    def prepare(self) -> dict[str, str]:
        """Install what is needed, before the first operator; return fields to add to the fingerprint."""
        fields: dict[str, str] = {}
        if self._widens:
            from harness.kernels import widening

            widening.install()
            fields["bfloat16"] = f"in float32, rounded once (harness {widening.VERSION})"
        if self._mindone:
            fields |= {"mindone": code_version(), "transformers": metadata.version("transformers")}
        if self._diffusers:
            diffusers.hand_in_noise()
            fields |= diffusers.versions()
        if self._brings:
            from harness import kernels

            kernels.install(bfloat16=self._widens)
            self._kernels = kernels
            fields["mint_kernels"] = f"harness {kernels.VERSION}"
            if self._compiles:
                from harness.kernels import graph

                fields["graph_operators"] = f"harness {graph.VERSION}"
        return fields

    def reset(self) -> None:
        """Reset the call counts of replaced kernels."""
        if self._kernels is not None:
            self._kernels.reset()

    def used_kernels(self) -> dict[str, int]:
        """Return the number of calls of each replaced kernel since :meth:`reset`."""
        used: dict[str, int] = {} if self._kernels is None else self._kernels.used()
        return used

    def missing(self, error: BaseException) -> str | None:
        """Return the operator that the CPU has no kernel for, if ``error`` says that."""
        name: str | None = None if self._kernels is None else self._kernels.missing_kernel(error)
        return name

    @contextmanager
    def naming_kernels(self, pipeline: str) -> Iterator[None]:
        """Raise :class:`MissingKernel`, which names the operator, if the body fails for lack of its kernel.

        The body runs ``pipeline``. If that uses mindone without declaring it, the error says how to declare
        it.
        """
        try:
            yield
        except Exception as error:
            on_mindone = (self._mindone or MINDONE in sys.modules) and not self._diffusers
            if not on_mindone or self._device != "CPU" or isinstance(error, HarnessError):
                raise
            from harness import kernels

            name = kernels.missing_kernel(error)
            if name is None:
                raise
            told = f"MindSpore has no CPU kernel for the operator {name}"
            if not self._mindone:
                told += f"; harness brings those that mindone needs: write `pipeline: {PREFIX}{pipeline}`"
            else:
                told += (
                    f", and neither has harness ({kernels.TABLE_ADDRESS} has those it brings); "
                    "run this case on Ascend"
                )
            raise MissingKernel(told) from error
