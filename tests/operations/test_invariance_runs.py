"""How each invariance is tried: which images of both runs are the same, and where it does not apply."""

from dataclasses import replace
from typing import Any

import pytest
from samples import make_case

from harness.cases.case import Case
from harness.cases.job import Conditions
from harness.cases.relations import Relation
from harness.judgement.soak.trial import Offer
from harness.operations.invariance_runs import Arrangement, Surroundings, Unfit, arranged

AROUND = Surroundings(Offer((0, 1)), own_core=0, before=None, on_cpu=True)
ONE = make_case(arguments={"prompt": "a"})
THREE = make_case(seeds=(7, 8, 9), arguments={"prompt": ["a", "b", "c"], "eta": 0.5})


def arrangement(relation: Relation, case: Case, **around: Any) -> Arrangement:
    found = arranged(relation, case, replace(AROUND, **around))
    assert isinstance(found, Arrangement)
    return found


@pytest.mark.parametrize("case", [ONE, THREE])
@pytest.mark.parametrize("relation", Relation)
def test_the_images_that_are_compared_have_the_same_seed_and_prompt(relation: Relation, case: Case) -> None:
    found = arranged(relation, case, AROUND)
    if isinstance(found, Unfit):
        assert (relation, found) in {
            (Relation.PROMPT_PADDING, Unfit.NO_LENGTH),
            (Relation.GENERATOR_LIST, Unfit.BATCH),
        }
        return
    reference = found.reference or case.job()

    def image(job, index):
        prompt = job.arguments["prompt"]
        each = prompt[index] if isinstance(prompt, list) and len(prompt) == len(job.seeds) else prompt
        return job.seeds[index], each

    for theirs, ours in found.images:
        assert image(found.varied, ours) == image(reference, theirs)
    if relation in (Relation.BATCH_SIZE, Relation.BATCH_NEIGHBOURS):
        assert found.images == ((0, 0),)
    else:
        assert len(found.images) == len(reference.seeds)


def test_a_batch_changes_as_the_relation_says() -> None:
    alone = arrangement(Relation.BATCH_SIZE, THREE).varied
    assert (alone.seeds, alone.arguments["prompt"]) == ((7,), ["a"])
    turned = arrangement(Relation.BATCH_POSITION, THREE)
    assert (turned.varied.seeds, turned.varied.arguments["prompt"]) == ((8, 9, 7), ["b", "c", "a"])
    assert turned.reference is None
    others = arrangement(Relation.BATCH_NEIGHBOURS, THREE).varied
    assert others.seeds[0] == 7
    assert not set(others.seeds[1:]) & {8, 9}


def test_a_single_image_gets_neighbours_of_its_own() -> None:
    batch = arrangement(Relation.BATCH_SIZE, ONE)
    assert len(batch.varied.seeds) == 3
    assert batch.reference is None
    turned = arrangement(Relation.BATCH_POSITION, ONE)
    assert turned.reference == batch.varied
    assert turned.varied.seeds[2] == ONE.seeds[0]
    others = arrangement(Relation.BATCH_NEIGHBOURS, ONE)
    assert others.reference == batch.varied
    assert not set(others.varied.seeds[1:]) & set(batch.varied.seeds)
    # Seeds have 64 bits.
    large = arrangement(Relation.BATCH_SIZE, replace(ONE, seeds=(2**64 - 1,)))
    assert all(0 <= seed < 2**64 for seed in large.varied.seeds)
    assert len(set(large.varied.seeds)) == 3


def test_relations_that_do_not_apply_say_why() -> None:
    alone = replace(ONE, isolate=True)
    assert arranged(Relation.WARM_PROCESS, alone, AROUND) is Unfit.ISOLATED
    assert arranged(Relation.CASE_ORDER, alone, AROUND) is Unfit.ISOLATED
    single = replace(AROUND, offer=Offer((0,)))
    assert arranged(Relation.CORE, ONE, single) is Unfit.ONE_CORE
    assert arranged(Relation.VISIBLE_CORES, ONE, single) is Unfit.ONE_CORE
    npu = replace(AROUND, on_cpu=False)
    for relation in (Relation.CORE, Relation.VISIBLE_CORES, Relation.LAUNCH):
        assert arranged(relation, ONE, npu) is Unfit.NOT_CPU
    assert arranged(Relation.GUIDANCE_BATCH, replace(ONE, mode="graph"), AROUND) is Unfit.COMPILED
    mindone = replace(ONE, mode="graph", pipeline="mindone:DDIMPipeline")
    assert arrangement(Relation.GUIDANCE_BATCH, mindone).varied.conditions == Conditions(halved=True)
    flag = replace(ONE, arguments={"max_sequence_length": True})
    assert arranged(Relation.PROMPT_PADDING, flag, AROUND) is Unfit.NO_LENGTH
    padded = arrangement(Relation.PROMPT_PADDING, replace(ONE, arguments={"max_sequence_length": 16}))
    assert padded.varied.arguments == {"max_sequence_length": 32}


def test_each_relation_changes_one_thing() -> None:
    own = arrangement(Relation.WARM_PROCESS, ONE).varied
    applying = [each for each in Relation if each is not Relation.PROMPT_PADDING]
    given = {each: arrangement(each, ONE).varied.conditions or Conditions() for each in applying}
    changed = {each for each in applying if given[each] != Conditions()}
    assert changed == {
        Relation.GENERATOR_LIST, Relation.GUIDANCE_BATCH, Relation.MEMORY_LAYOUT, Relation.FRAGMENTED_MEMORY,
        Relation.LAUNCH, Relation.CORE,
    }  # fmt: skip
    assert given[Relation.GENERATOR_LIST].listed
    assert given[Relation.GUIDANCE_BATCH].halved
    assert given[Relation.MEMORY_LAYOUT].strided
    assert given[Relation.FRAGMENTED_MEMORY].blocks
    assert given[Relation.LAUNCH].asynchronous
    assert given[Relation.CORE].core == 1
    other = arrangement(Relation.MODE, ONE).varied
    assert replace(other, mode=own.mode) == own
    assert other.mode == "graph"
    assert not arrangement(Relation.VISIBLE_CORES, ONE).pinned


def test_another_case_runs_before_if_there_is_one() -> None:
    own = arrangement(Relation.CASE_ORDER, ONE)
    assert own.before is not None
    assert own.before.seeds != own.varied.seeds
    other = THREE.job()
    assert arrangement(Relation.CASE_ORDER, ONE, before=other).before == other
