"""The runs by which each invariance of a case is tried: what runs, and which of its images are the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from harness.cases.case import Case
from harness.cases.job import Conditions, Job
from harness.cases.names import is_mindone_class
from harness.cases.relations import Relation
from harness.judgement.soak.trial import Offer
from harness.pipelines.calling import of_images

# The two images beside one that is a batch of its own; other images again, for other neighbours.
_BESIDE, _OTHERS = (1_000_003, 2_000_003), (3_000_017, 4_000_037)
_SEEDS = 2**64
# Odd sizes move the alignment of what comes next.
_BLOCKS = tuple(2 * size + 1 for size in (48, 500, 9_000, 70_000, 400_000, 3_000, 150, 33_000))
_LENGTH = "max_sequence_length"


class Unfit(str, Enum):
    """Why an invariance cannot be tried on a case."""

    ISOLATED = "isolated"
    BATCH = "batch"
    NO_LENGTH = "no-length"
    ONE_CORE = "one-core"
    NOT_CPU = "not-cpu"
    COMPILED = "compiled"


@dataclass(frozen=True)
class Arrangement:
    """How an invariance is tried.

    ``varied`` runs in a fresh worker, after ``before`` if there is such a job; not ``pinned``, it sees all
    cores. It is compared with ``reference``, None for the case's own run. ``images`` are pairs: an image of
    the reference, and the same image of ``varied``.
    """

    varied: Job
    images: tuple[tuple[int, int], ...]
    reference: Job | None = None
    before: Job | None = None
    pinned: bool = True


@dataclass(frozen=True)
class Surroundings:
    """What can be varied around a case: the ``offer`` of the system, and another case in the same worker."""

    offer: Offer
    own_core: int | None
    before: Job | None
    on_cpu: bool


def own_run(case: Case) -> Job:
    """Return the job of the case's own run, with the latents of every step."""
    return replace(case.job(), keep_latents=True, singles=False)


def arranged(relation: Relation, case: Case, around: Surroundings) -> Arrangement | Unfit:
    """Return how ``relation`` is tried on ``case``, or why it cannot be."""
    return _ARRANGEMENTS[relation](own_run(case), around)


def _all(job: Job) -> tuple[tuple[int, int], ...]:
    return tuple((index, index) for index in range(len(job.seeds)))


def _warm(own: Job, _: Surroundings) -> Arrangement | Unfit:
    return Unfit.ISOLATED if own.isolate else Arrangement(own, _all(own), before=own)


def _order(own: Job, around: Surroundings) -> Arrangement | Unfit:
    if own.isolate:
        return Unfit.ISOLATED
    other = around.before or with_seeds(own, [(seed + _BESIDE[0]) % _SEEDS for seed in own.seeds])
    return Arrangement(own, _all(own), before=other)


def with_seeds(own: Job, seeds: Sequence[int]) -> Job:
    """Return the job with other seeds; its arguments stay as they are."""
    return replace(own, seeds=tuple(seeds))


def _batch(own: Job, beside: tuple[int, ...] = _BESIDE) -> Job:
    """Return the job of a batch that begins with the first image of ``own``."""
    if len(own.seeds) > 1:
        return own
    return with_seeds(own, [own.seeds[0], *((own.seeds[0] + each) % _SEEDS for each in beside)])


def _size(own: Job, _: Surroundings) -> Arrangement:
    return Arrangement(first_alone(own) if len(own.seeds) > 1 else _batch(own), ((0, 0),))


def first_alone(own: Job) -> Job:
    """Return the job of the first image of ``own``, with its own arguments."""
    return replace(own, seeds=own.seeds[:1], arguments=of_images(own.arguments, [0], len(own.seeds)))


def _position(own: Job, _: Surroundings) -> Arrangement:
    batch = _batch(own)
    count = len(batch.seeds)
    order = [*range(1, count), 0]
    arguments = of_images(batch.arguments, order, count)
    moved = replace(batch, seeds=tuple(batch.seeds[each] for each in order), arguments=arguments)
    pairs = tuple((index, place) for place, index in enumerate(order))
    return Arrangement(moved, pairs, reference=None if batch == own else batch)


def _neighbours(own: Job, _: Surroundings) -> Arrangement:
    if len(own.seeds) == 1:
        return Arrangement(_batch(own, _OTHERS), ((0, 0),), reference=_batch(own))
    first, *rest = own.seeds
    return Arrangement(with_seeds(own, [first, *((each + _OTHERS[0]) % _SEEDS for each in rest)]), ((0, 0),))


def _under(conditions: Conditions) -> Callable[[Job, Surroundings], Arrangement | Unfit]:
    def arrangement(own: Job, _: Surroundings) -> Arrangement:
        return Arrangement(replace(own, conditions=conditions), _all(own))

    return arrangement


def _listed(own: Job, around: Surroundings) -> Arrangement | Unfit:
    return Unfit.BATCH if len(own.seeds) > 1 else _under(Conditions(listed=True))(own, around)


def _guidance(own: Job, around: Surroundings) -> Arrangement | Unfit:
    # What compiles a model of the core, or of a user, may compile what stands around it, too.
    if own.mode == "graph" and not is_mindone_class(own.pipeline):
        return Unfit.COMPILED
    return _under(Conditions(halved=True))(own, around)


def _padding(own: Job, _: Surroundings) -> Arrangement | Unfit:
    length = own.arguments.get(_LENGTH)
    if not isinstance(length, int) or isinstance(length, bool):
        return Unfit.NO_LENGTH
    return Arrangement(replace(own, arguments={**own.arguments, _LENGTH: 2 * length}), _all(own))


def _core(own: Job, around: Surroundings) -> Arrangement | Unfit:
    others = [core for core in around.offer.cores if core != around.own_core]
    if not around.on_cpu:
        return Unfit.NOT_CPU
    return _under(Conditions(core=others[0]))(own, around) if others else Unfit.ONE_CORE


def _cores(own: Job, around: Surroundings) -> Arrangement | Unfit:
    if not around.on_cpu:
        return Unfit.NOT_CPU
    return Unfit.ONE_CORE if len(around.offer.cores) < 2 else Arrangement(own, _all(own), pinned=False)


def _launch(own: Job, around: Surroundings) -> Arrangement | Unfit:
    return _under(Conditions(asynchronous=True))(own, around) if around.on_cpu else Unfit.NOT_CPU


def _mode(own: Job, _: Surroundings) -> Arrangement:
    other = "graph" if own.mode == "pynative" else "pynative"
    return Arrangement(replace(own, mode=other, jit=None), _all(own))


_ARRANGEMENTS: dict[Relation, Callable[[Job, Surroundings], Arrangement | Unfit]] = {
    Relation.WARM_PROCESS: _warm,
    Relation.CASE_ORDER: _order,
    Relation.BATCH_SIZE: _size,
    Relation.BATCH_POSITION: _position,
    Relation.BATCH_NEIGHBOURS: _neighbours,
    Relation.GENERATOR_LIST: _listed,
    Relation.GUIDANCE_BATCH: _guidance,
    Relation.PROMPT_PADDING: _padding,
    Relation.MEMORY_LAYOUT: _under(Conditions(strided=True)),
    Relation.FRAGMENTED_MEMORY: _under(Conditions(blocks=_BLOCKS)),
    Relation.CORE: _core,
    Relation.VISIBLE_CORES: _cores,
    Relation.LAUNCH: _launch,
    Relation.MODE: _mode,
}
