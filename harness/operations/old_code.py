"""Workers that run the project's own code as it was at another revision, beside the working tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.cases.case import Case
from harness.errors import UsageError
from harness.execution.runner import interpreter
from harness.operations.bisect_commits import check_own, own_module
from harness.operations.workers import Workers
from harness.releases.repository import Repository, Revision, top_folder


@contextmanager
def at_revision(case: Case, workers: Workers, name: str) -> Iterator[tuple[Workers, Revision]]:
    """Yield ``workers`` that import the pipeline of ``case`` from the files of a revision, and its commit.

    The revision ``name`` is one of the git repository in which the pipeline's module is, or would be. Its
    files are in a temporary folder, which is removed afterwards; the repository is only read. The case, its
    checkpoint and everything else that it names stay those of the working tree. Raises UsageError for a
    pipeline that is not the user's own, outside git, and for a name that is no commit.
    """
    check_own(case, interpreter(workers.python), "--code")
    module = own_module(case)
    folders = [path.resolve() for path in workers.import_paths]
    owner = next((each for each in folders if _has(each, module)), folders[0])
    top = top_folder(owner)
    if top is None:
        raise UsageError(
            f"--code: {owner} is in no git repository, so there is no other revision of {module}; to compare "
            "with another environment, give --python its interpreter"
        )
    with Repository(top) as clone:
        commit = clone.commit(name)
        files = clone.checkout(commit)
        theirs = [files / each.relative_to(top) for each in folders if each.is_relative_to(top)]
        yield replace(workers, import_paths=tuple(each for each in theirs if each.is_dir())), commit


def _has(folder: Path, module: str) -> bool:
    return (folder / module).is_dir() or (folder / f"{module}.py").is_file()
