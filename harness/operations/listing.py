"""Listing: the current cases and the state of their stored baselines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.baselines.baseline import Header
from harness.baselines.current import orphans
from harness.baselines.errors import BaselineUnusable
from harness.baselines.staleness import stale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import Selection

EXPECTED = "expected to fail"


@dataclass(frozen=True)
class ListedBaseline:
    """A baseline that is stored for ``device``, and what is ``wrong`` with it (None: nothing).

    ``header`` is None if its files could not be read.
    """

    device: str
    wrong: BaselineUnusable | None
    header: Header | None

    @property
    def state(self) -> str:
        """The state in one word."""
        return "ok" if self.wrong is None else self.wrong.state


@dataclass(frozen=True)
class ListedCase:
    """A case and its baselines, by the names of their devices."""

    case: Case
    baselines: tuple[ListedBaseline, ...]

    @property
    def state(self) -> str:
        """The state of the case: that of its last baseline that is not ok; missing if it has no baselines.

        A case that is expected to fail needs no baseline, so none is missing.
        """
        if self.case.fails is not None:
            return EXPECTED
        wrong = [each.state for each in self.baselines if each.wrong is not None]
        return wrong[-1] if wrong else "ok" if self.baselines else "missing"


@dataclass(frozen=True)
class Listing:
    """The cases of a selection with the states of their baselines.

    ``orphans`` are the files of baselines that belong to no case of the suites. ``others`` are the suites
    that have baselines but were not given, if whole folders of suites were given. ``no_folder`` is the
    store's folder if it does not exist.
    """

    cases: tuple[ListedCase, ...]
    orphans: tuple[Path, ...] = ()
    others: tuple[str, ...] = ()
    no_folder: Path | None = None

    @property
    def sound(self) -> bool:
        """Whether every case has valid baselines, and every baseline a case."""
        return not self.orphans and all(listed.state in ("ok", EXPECTED) for listed in self.cases)


def list_cases(selection: Selection, store: BaselineStore) -> Listing:
    """Return the cases of ``selection`` with the state of their baselines in ``store``."""
    names = {suite.name for suite in selection.suites}
    return Listing(
        tuple(ListedCase(case, tuple(_baselines(case, store))) for case in selection.cases),
        tuple(store.path(*key) for key in orphans(selection.suites, store) if key.suite in names),
        tuple(sorted({key.suite for key in store.stored()} - names)) if selection.folders else (),
        None if store.root.is_dir() else store.root,
    )


def _baselines(case: Case, store: BaselineStore) -> Iterator[ListedBaseline]:
    for device in store.devices(case.suite, case.id):
        try:
            header = store.header(case.suite, case.id, device, suite_file=case.path)
        except BaselineUnusable as error:
            yield ListedBaseline(device, error, None)
        else:
            yield ListedBaseline(device, stale(case, header), header)
