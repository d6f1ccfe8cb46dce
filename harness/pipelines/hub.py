"""Checkpoints on the Hugging Face Hub, through ``huggingface_hub`` and its cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from harness.pipelines.errors import CheckpointError

# The base class of the HTTP client's own errors; the client depends on the release of huggingface_hub.
_ClientError: type[Exception] = HfHubHTTPError.__bases__[0]

# Data only: weights as pickles (*.bin, *.ckpt) and code (*.py) are never fetched. Besides configurations and
# weights, these are the files of tokenizers: merges, vocabularies, sentencepiece models.
_FILES = ["*.json", "*.safetensors", "*merges.txt", "*vocab.txt", "*.model"]
_UNAVAILABLE = "not in the local cache, and fetching it failed"
# What errors of huggingface_hub mean; the first matching class counts.
_REASONS: dict[type[Exception], str] = {
    RevisionNotFoundError: "the repository has no such revision",
    GatedRepoError: "the repository is gated: accept its terms on the Hub and log in with `hf auth login`",
    RepositoryNotFoundError: (
        "no such repository, or a private one: check the name, or log in with `hf auth login`"
    ),
    HFValidationError: "not the name of a repository (owner/name)",
    EntryNotFoundError: _UNAVAILABLE,  # also an HTTP error in releases before 1.0
    HfHubHTTPError: "the Hub answered with an error",
    OSError: _UNAVAILABLE,
    _ClientError: _UNAVAILABLE,
}


def download(
    repository: str, revision: str | None = None, *, files: Sequence[str] | None = None
) -> tuple[Path, str]:
    """Return the folder of ``repository`` (``owner/name``) and the commit that ``revision`` resolved to.

    Files in the local cache are not fetched again; if the revision is a commit and everything is cached, no
    network is needed. ``files`` are patterns of the files to fetch (default: all that a pipeline reads).
    Raises :class:`CheckpointError`, which says what went wrong and how to provide the checkpoint.
    """
    try:
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=list(files or _FILES)))
    except tuple(_REASONS) as error:
        reason = next(reason for kind, reason in _REASONS.items() if isinstance(error, kind))
        detail = (str(error).strip().splitlines() or ["no details"])[0]
        raise CheckpointError(
            f"hub:{repository}@{revision or 'main'}: {reason} ({type(error).__name__}: {detail})\n"
            + how_to_provide(repository, revision)
        ) from error
    # The cache keeps every snapshot in a folder named after its commit.
    return folder, folder.name


def how_to_provide(repository: str, revision: str | None) -> str:
    """Return instructions for providing a repository on a machine that cannot fetch it."""
    at = "" if revision is None else f" --revision {revision}"
    return (
        f"To provide it: run `hf download {repository}{at}` where there is a network (HF_HOME says where the "
        "cache lies, and can be copied), or name a local folder as the checkpoint."
    )
