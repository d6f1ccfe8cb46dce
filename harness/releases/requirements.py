"""Releases as named on a command line, and what is installed into the environment of one."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from harness.errors import UsageError

# What a worker needs. MindSpore up to 2.10.0 breaks with numpy 2, whatever its metadata says.
BASE = ("mindspore", "numpy<2", "safetensors", "huggingface_hub")


@dataclass(frozen=True)
class Release:
    """One version of one package, for example ``mindspore==2.8.0``."""

    package: str
    version: str

    @classmethod
    def parse(cls, text: str) -> Release:
        """Return the release that ``text`` names; raises UsageError for anything but ``PACKAGE==VERSION``."""
        try:
            asked = Requirement(text)
            (pin,) = asked.specifier
            plain = not (asked.extras or asked.marker or asked.url) and pin.operator == "=="
            version = str(Version(pin.version))
        except (InvalidRequirement, InvalidVersion, ValueError):
            plain = False
        if not plain:
            raise UsageError(f"{text!r} is not a release; write it like mindspore==2.8.0")
        return cls(canonicalize_name(asked.name), version)

    @property
    def order(self) -> Version:
        """The sort key for releases of one package."""
        return Version(self.version)

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"


@dataclass(frozen=True)
class Specification:
    """What an environment is made of: a release, and ``extras``, which are further requirements.

    ``overrides`` are versions that are installed whatever other packages require.
    """

    release: Release
    extras: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, release: Release, extras: Sequence[str], overrides: Mapping[str, str] | None = None
    ) -> Specification:
        """Return the specification, with the version of each package in ``overrides`` forced.

        Raises UsageError for an extra that is not a valid requirement.
        """
        forced = overrides or {}
        kept = set()
        for extra in extras:
            try:
                named = canonicalize_name(Requirement(extra).name)
            except InvalidRequirement:
                raise UsageError(
                    f"--with {extra!r} is not a requirement; write it like numpy==1.26.4 or mindone>=0.5"
                ) from None
            if named == release.package:
                raise UsageError(
                    f"--with {extra} and the release {release} name the same package; give only one of them"
                )
            if named not in forced:
                kept.add(extra)
        pinned = (f"{name}=={version}" for name, version in forced.items())
        return cls(release, tuple(sorted(kept)), tuple(sorted(pinned)))

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements to install, the release first; those given by name replace the defaults."""
        asked = (str(self.release), *self.extras, *self.overrides)
        named = {canonicalize_name(Requirement(each).name) for each in asked}
        return (*asked, *(each for each in BASE if canonicalize_name(Requirement(each).name) not in named))

    @property
    def name(self) -> str:
        """The name of the environment and its folder: release, Python, and a hash of the rest."""
        python = f"py{sys.version_info.major}{sys.version_info.minor}"
        parts = [self.release.package, self.release.version, python]
        if rest := [*self.extras, *(f"override {each}" for each in self.overrides)]:
            parts.append(hashlib.sha256("\n".join(rest).encode()).hexdigest()[:8])
        return "-".join(parts)

    def __str__(self) -> str:
        return " ".join((str(self.release), *(f"with {each}" for each in (*self.extras, *self.overrides))))
