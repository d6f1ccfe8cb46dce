"""How often `harness bisect` is right when versions do not repeat, and what it costs.

Usage: python -m benchmarks.noisy_bisection [--lines N] [--check] [--page docs/matrix.md]

Simulates lines of versions: the change is at a random place, and each run shows it or not at the rate of its
side. Every line is bisected by the code of the command. Writes a table between two marks of the page: how
often the right version was named, the mean number of runs (those of the ends included), the best possible by
:func:`best_possible`, and what a scheme needs that is told the rates. With --check, it fails if fewer than
99 % are right or a mean is above twice the best possible.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.pages import write_between
from harness.errors import HarnessError
from harness.releases.noisy_bisection import Plan, bisect_noisy

Numbers = npt.NDArray[np.float64]
LENGTHS = (5, 10, 20, 100, 1000)
BEGIN, END = "<!-- made by benchmarks/noisy_bisection.py -->", "<!-- end of the table -->"


@dataclass(frozen=True)
class Flake:
    """How often runs show the change: before it at the rate ``before``, from it on at the rate ``since``.

    A run before the change that shows it has the bits of the changed output, or, if ``other_bits``, bits of
    its own. So the first runs of the good end may mislead in two ways.
    """

    words: str
    before: float
    since: float
    other_bits: bool = False


FLAKES = (
    Flake("none", 0.0, 1.0),
    Flake("after the change, 20 % of runs lack it", 0.0, 0.8),
    Flake("before the change, 20 % of runs show it", 0.2, 1.0),
    Flake("before the change, 20 % of runs have bits of their own", 0.2, 1.0, other_bits=True),
    Flake("both: 20 % lack it, 20 % show it", 0.2, 0.8),
    Flake("both: 20 % lack it, 20 % have bits of their own", 0.2, 0.8, other_bits=True),
)


@dataclass(frozen=True)
class Result:
    """What came of many lines: the share that was right, and the number of runs of each."""

    right: float
    runs: Numbers

    @property
    def mean(self) -> float:
        """The mean number of runs."""
        return float(self.runs.mean())


def simulate(flake: Flake, length: int, lines: int, seed: int) -> Result:
    """Return what :func:`bisect_noisy` makes of ``lines`` lines of ``length`` versions."""
    generator = np.random.default_rng(seed)
    right, runs = 0, []
    for first_changed in generator.integers(1, length, lines):

        def run(version: int, first: int = int(first_changed)) -> Any:
            runs[-1] += 1
            if version >= first:
                return SimpleNamespace(bits="new" if generator.random() < flake.since else "old")
            flaked = generator.random() < flake.before
            return SimpleNamespace(bits="old" if not flaked else "own" if flake.other_bits else "new")

        runs.append(0)
        try:
            found = bisect_noisy(Plan(), range(length), run, _no_comparison).first_bad
        except HarnessError:
            continue  # An answer was there to be found.
        right += found == first_changed
    return Result(right / lines, np.array(runs, float))


def best_possible(flake: Flake, length: int, error: float = 0.01, flaky: float = 0.2) -> float:
    """Return how many runs the best scheme needs that knows only that at most ``flaky`` of runs are wrong.

    It is the sum of two terms, as in Burnashev (1976, Problems of Information Transmission 12, 250-265):

    - log2 of the number of positions, over the capacity of one run in bits (Horstein 1963);
    - what the confidence needs: so many runs of the version before the change (x) and of the first with it
      (y) that neither neighbouring position explains them as well, by a factor of ``error``, whatever its
      rates: x KL(before, p) + y KL(since, p) >= log(1 / error), both for every p that versions without the
      change may have and for every p that those with it may have (the change of measure of Kaufmann, Cappé
      and Garivier 2016, JMLR 17(1), Lemma 1, for the nearest alternative).

    A line that always repeats needs the same, as nobody knows beforehand that it does.
    """
    return math.log2(length - 1) / _capacity(flake) + _confirming(flake, error, flaky)


def _capacity(flake: Flake) -> float:
    """Return the capacity, in bits, of a run: the most that it tells about which side a version is on."""
    share = np.linspace(0, 1, 2001)
    shown = (1 - share) * flake.before + share * flake.since
    told = _entropy(shown) - (1 - share) * _entropy(flake.before) - share * _entropy(flake.since)
    return float(told.max()) / math.log(2)


def _confirming(flake: Flake, error: float, flaky: float) -> float:
    needed = math.log(1 / error)
    x = np.linspace(0.01, 60, 6000)[:, None]
    p = np.concatenate([np.linspace(0, flaky, 201), np.linspace(1 - flaky, 1, 201)])[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        before, since = _divergence(flake.before, p), _divergence(flake.since, p)
        # What one run may prove is proved.
        before = np.where(np.isinf(before), needed / x.min(), before)
        missing = np.maximum(needed - x * before, 0.0)
        y = np.where(missing > 0, missing / since, 0.0)
    return float((x[:, 0] + y.max(axis=1)).min())


def told_the_rates(flake: Flake, length: int, lines: int, seed: int, error: float = 0.01) -> Result:
    """Return what a scheme makes of the lines that is told both rates and needs no run to learn them.

    It runs the version that tells most, and stops at the same probability.
    """
    generator = np.random.default_rng(seed)
    before, since = (min(max(rate, 1e-9), 1 - 1e-9) for rate in (flake.before, flake.since))
    versions, right, runs = np.arange(1, length), 0, []
    for first_changed in generator.integers(1, length, lines):
        log, count = np.zeros(length - 1), 0
        while True:
            p = np.exp(log - log.max())
            p /= p.sum()
            if p.max() >= 1 - error:
                break
            has = p.cumsum()
            shown = has * since + (1 - has) * before
            told = _entropy(shown) - has * _entropy(since) - (1 - has) * _entropy(before)
            version = versions[told.argmax()]
            shows = generator.random() < (flake.since if version >= first_changed else flake.before)
            rates = np.where(versions <= version, since, before)
            log += np.log(rates if shows else 1 - rates)
            count += 1
        right += versions[p.argmax()] == first_changed
        runs.append(count)
    return Result(right / lines, np.array(runs, float))


def table(lines: int) -> Iterator[tuple[str, Flake, Result, float]]:
    """Yield the rows of the table, each with its flake, what came of it, and the best possible."""
    for flake in FLAKES:
        for length in LENGTHS:
            found = simulate(flake, length, lines, seed=length)
            told = told_the_rates(flake, length, min(lines, 2000), seed=length)
            best = best_possible(flake, length)
            cells = (
                flake.words, f"{length:,}", f"{found.right:.2%}", f"{found.mean:.1f}", f"{best:.1f}",
                f"{found.mean / best:.2f}", f"{told.mean:.1f}",
            )  # fmt: skip
            yield f"| {' | '.join(cells)} |", flake, found, best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--page", type=Path, default=Path("docs/matrix.md"))
    arguments = parser.parse_args()
    head = "| flake | versions | right | runs | best possible | ratio | told the rates |"
    rows, failed = [head, "| --- | --- | --- | --- | --- | --- | --- |"], False
    for row, _, found, best in table(arguments.lines):
        print(row, flush=True)
        rows.append(row)
        failed |= found.right < 0.99 or found.mean > 2 * best
    write_between(arguments.page, BEGIN, END, "\n".join(rows))
    if arguments.check and failed:
        sys.exit("fewer than 99 % are right, or a mean is above twice the best possible")


def _no_comparison(*_: object) -> Any:
    """Return nothing: bits alone decide here."""


def _entropy(p: Any) -> Any:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(p * np.log(p) + (1 - p) * np.log(1 - p))


def _divergence(p: float, q: Numbers) -> Numbers:
    """Return the Kullback-Leibler divergence of two coins, in nats."""
    found = np.zeros_like(q)
    for share, other in ((p, q), (1 - p, 1 - q)):
        if share > 0:
            found = found + share * np.log(share / other)
    return found


if __name__ == "__main__":
    main()
