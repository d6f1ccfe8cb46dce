"""Pipelines of users, as the tests need them: sound ones, broken ones, ones that die.

Each is a factory by the protocol of `package.module:factory`; all but the last need no checkpoint.
"""

from __future__ import annotations

import ctypes
import inspect
import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np


def _drawing(change=lambda array: array):
    def call(*, batch_size, generator, num_inference_steps, output_type, callback_on_step_end, scale=1.0):
        generators = generator if isinstance(generator, list) else [generator]
        latents = np.concatenate([g.standard_normal((1, 1, 8, 8)) for g in generators])
        for step in range(num_inference_steps):
            latents = latents * 0.9
            callback_on_step_end(None, step, 999 - step, {"latents": latents})
        images = latents.transpose(0, 2, 3, 1).astype(np.float32) * scale
        return SimpleNamespace(images=change(np.clip(images / 2 + 0.5, 0, 1)))

    return call


def sound(checkpoint, dtype, mode):
    return _drawing()


def with_environment(checkpoint, dtype, mode):
    """Add what TEST_OFFSET says: a drift that the test controls, and that the case's own limits judge.

    No known processing gives this output of the latents, so it is not judged by itself.
    """
    offset = np.float32(os.environ.get("TEST_OFFSET", "0"))
    return _drawing(lambda images: images * np.float32(0.9) + offset)


def unrepeatable(checkpoint, dtype, mode):
    return _drawing(lambda images: images + np.float32(os.getpid() % 1000 * 1e-6))


def unseeded(checkpoint, dtype, mode):
    return _drawing(lambda images: images + np.random.default_rng().random(images.shape))


def not_a_number(checkpoint, dtype, mode):
    return _drawing(lambda images: images * np.float32("nan"))


def no_array(checkpoint, dtype, mode):
    return _drawing(lambda images: "an image")


def complex_numbers(checkpoint, dtype, mode):
    return _drawing(lambda images: images.astype(np.complex64))


def raising(checkpoint, dtype, mode):
    def fail(images):
        raise ValueError("the pipeline's own error")

    return _drawing(fail)


def without_its_package(checkpoint, dtype, mode):
    import no_such_package

    return no_such_package.pipeline


def out_of_memory(checkpoint, dtype, mode):
    def fail(images):
        try:
            raise MemoryError("no 2 TB are left")
        except MemoryError as error:
            raise RuntimeError("the pipeline's own words") from error

    return _drawing(fail)


def crashing(checkpoint, dtype, mode):
    return _drawing(lambda images: ctypes.string_at(0))


def printing(checkpoint, dtype, mode):
    def shout(images):
        print("printed by the pipeline")
        os.write(1, b"written by C++\n")
        return images

    return _drawing(shout)


def hanging(checkpoint, dtype, mode):
    """Say that the run began, by a file, then never end."""

    def hang(images):
        if os.environ.get("TEST_BEGAN"):
            Path(os.environ["TEST_BEGAN"]).write_text(str(os.getpid()))
        time.sleep(3600)

    return _drawing(hang)


def waiting(checkpoint, dtype, mode):
    """Finish two steps, then wait until there is the file TEST_GO."""

    def call(*, callback_on_step_end, **arguments):
        def paused(caller, step, timestep, tensors):
            while step == 2 and not Path(os.environ["TEST_GO"]).exists():
                time.sleep(0.01)
            return callback_on_step_end(caller, step, timestep, tensors)

        return _drawing()(callback_on_step_end=paused, **arguments)

    names = ("batch_size", "generator", "num_inference_steps", "output_type", "callback_on_step_end")
    kinds = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
    call.__signature__ = inspect.Signature(kinds)
    return call


def ending_late(checkpoint, dtype, mode):
    """Say that the run began, by a file, and end some time after."""

    def wait(images):
        Path(os.environ["TEST_BEGAN"]).write_text(str(os.getpid()))
        time.sleep(1)
        return images

    return _drawing(wait)


def ddim_that_waits(checkpoint, dtype, mode):
    """The real DDIM; where TEST_BEGAN names a file, write the worker's number there in mid-case and wait."""
    from harness.pipelines.unconditional import DDIMPipeline

    pipeline = DDIMPipeline.from_pretrained(checkpoint)

    def call(*, callback_on_step_end, **arguments):
        def after_step(caller, step, timestep, tensors):
            if os.environ.get("TEST_BEGAN") and step == 1:
                Path(os.environ["TEST_BEGAN"]).write_text(str(os.getpid()))
                time.sleep(3600)
            return callback_on_step_end(caller, step, timestep, tensors)

        return pipeline(callback_on_step_end=after_step, **arguments)

    return call


def meeting(checkpoint, dtype, mode):
    """End only when two processes run this at the same time, in the folder TEST_MEET."""

    def meet(images):
        folder = Path(os.environ["TEST_MEET"])
        (folder / str(os.getpid())).touch()
        while len(list(folder.iterdir())) < 2:
            time.sleep(0.01)
        return images

    return _drawing(meet)


def integers_only(checkpoint, dtype, mode):
    """Draw nothing but integers: there is no noise that rounding could be put into."""

    def call(*, batch_size, generator, num_inference_steps, output_type, callback_on_step_end):
        values = generator.integers(0, 256, (batch_size, 8, 8, 1))
        return SimpleNamespace(images=(values / 255).astype(np.float32))

    return call


def quantised(checkpoint, dtype, mode):
    """Round to 8 bits: what rounding does to the noise does not reach the output."""
    return _drawing(lambda images: np.round(images * 15).astype(np.uint8) * 17)


def _numbers(step):
    """A pipeline of float32 numbers in [0, 1] that ``step`` changes; TEST_OFFSET is added at the end."""

    def call(*, batch_size, generator, num_inference_steps, output_type, callback_on_step_end):
        latents = (generator.standard_normal((batch_size, 1, 8, 8)) % 1).astype(np.float32)
        for index in range(num_inference_steps):
            latents = step(latents, index)
            callback_on_step_end(None, index, index, {"latents": latents})
        offset = np.float32(os.environ.get("TEST_OFFSET", "0"))
        return SimpleNamespace(images=latents.transpose(0, 2, 3, 1) + offset)

    return call


def logistic(checkpoint, dtype, mode):
    """The logistic map: an error doubles at every step, and after two dozen nothing is left but it."""
    return _numbers(lambda latents, index: 4 * latents * (1 - latents))


def _turned_by_bit(place):
    """Return a first step that turns the picture round where that bit of its first value is 0."""

    def step(latents, index):
        bit = latents.reshape(-1)[0].view(np.int32) >> place & 1
        return latents[..., ::-1].copy() if index == 0 and not bit else latents

    return step


def two_answers(checkpoint, dtype, mode):
    """A bit of the noise that an ulp changes or leaves decides which of two pictures comes out."""
    return _numbers(_turned_by_bit(1))


def jumping(checkpoint, dtype, mode):
    """A bit of the noise that an ulp always changes decides which of two pictures comes out."""
    return _numbers(_turned_by_bit(0))


def _mirrored_where(flipped):
    """A pipeline that turns the picture round in the second step of those runs in which ``flipped()``."""
    turned = []

    def step(latents, index):
        if index == 0:
            turned[:] = [flipped()]
        return latents[..., ::-1].copy() if index == 1 and turned[0] else latents * np.float32(0.9)

    return _numbers(step)


def flipping(checkpoint, dtype, mode):
    """Turn the picture round in every second run of a process, whichever case runs."""

    def flipped():
        _FLIPS.append(True)
        return len(_FLIPS) % 2 == 0

    return _mirrored_where(flipped)


def flipping_processes(checkpoint, dtype, mode):
    """Turn the picture round in every second process that comes to the file TEST_PROCESSES."""
    return _mirrored_where(lambda: _number_of_process() % 2 == 1)


def flipping_cell(checkpoint, dtype, mode):
    """The real DDIM, in every second run of a process with another scale in one cell."""
    from harness.pipelines.unconditional import DDIMPipeline

    pipeline = DDIMPipeline.from_pretrained(checkpoint)
    attention = pipeline.unet.mid_block.attentions[0]
    scales = itertools.cycle([attention.scale, attention.scale * 1.01])

    def call(*, callback_on_step_end, **arguments):
        attention.scale = next(scales)
        return pipeline(callback_on_step_end=callback_on_step_end, **arguments)

    return call


def crashing_later(checkpoint, dtype, mode):
    """Turn the picture round in the first process that comes to TEST_PROCESSES, and die in all others."""

    def flipped():
        if _number_of_process() > 1:
            os.abort()
        return _number_of_process() == 1

    return _mirrored_where(flipped)


def _number_of_process():
    """Return the number of this process among those that came to the file TEST_PROCESSES; 0 without one."""
    if "TEST_PROCESSES" not in os.environ:
        return 0
    processes = Path(os.environ["TEST_PROCESSES"])
    known = processes.read_text().split() if processes.exists() else []
    if str(os.getpid()) not in known:
        known.append(str(os.getpid()))
        processes.write_text("\n".join(known))
    return known.index(str(os.getpid())) + 1


_FLIPS = []


def counted(checkpoint, dtype, mode):
    """Write a line to the file TEST_RUNS at every run, and wait at the run number TEST_WAIT_AT."""

    def count(images):
        runs = Path(os.environ["TEST_RUNS"])
        with runs.open("a") as file:
            file.write(f"{os.getpid()}\n")
        if len(runs.read_text().splitlines()) == int(os.environ.get("TEST_WAIT_AT", "0")):
            time.sleep(3600)
        return images

    return _drawing(count)


def ending_with_a_child(checkpoint, dtype, mode):
    """End the process by a call of the system; a child that never ends holds the worker's pipes."""

    def end(images):
        child = os.fork()
        if not child:
            time.sleep(3600)
        Path(os.environ["TEST_BEGAN"]).write_text(str(child))
        os._exit(3)

    return _drawing(end)


def forked_twice(checkpoint, dtype, mode):
    """Fork, and let the child come back from the case as well."""
    return _drawing(lambda images: images * np.float32(1 if os.fork() else 0))


def leaving_a_child(checkpoint, dtype, mode):
    """Return in time; a child stays, and the file TEST_BEGAN has the numbers of worker and child."""

    def leave(images):
        child = os.fork()
        if not child:
            time.sleep(3600)
        Path(os.environ["TEST_BEGAN"]).write_text(f"{os.getpid()} {child}")
        return images

    return _drawing(leave)


def hanging_with_a_child(checkpoint, dtype, mode):
    """Never end, with Python's lock held in C; the file TEST_BEGAN has the numbers of worker and child."""

    def hang(images):
        child = os.fork()
        if not child:
            time.sleep(3600)
        Path(os.environ["TEST_BEGAN"]).write_text(f"{os.getpid()} {child}")
        ctypes.PyDLL(None).sleep(600)

    return _drawing(hang)


def exiting(checkpoint, dtype, mode):
    return _drawing(lambda images: sys.exit(3))


def interrupting(checkpoint, dtype, mode):
    def interrupt(images):
        raise KeyboardInterrupt("of the case's own")

    return _drawing(interrupt)


def saying_no_text(checkpoint, dtype, mode):
    def fail(images):
        raise ValueError("half a pair: \ud800")

    return _drawing(fail)


def hungry(checkpoint, dtype, mode):
    """Take memory without an end, 30 MB at a time."""
    held = []

    def take(images):
        while True:
            held.append(bytearray(os.urandom(1) * 30_000_000))
            time.sleep(0.01)

    return _drawing(take)


def hungry_child(checkpoint, dtype, mode):
    """Let a child take memory without an end; the child ends with the worker's group."""

    def take(images):
        if os.fork() == 0:
            held = []
            while True:
                held.append(bytearray(os.urandom(1) * 30_000_000))
                time.sleep(0.01)
        time.sleep(600)

    return _drawing(take)


def talkative(checkpoint, dtype, mode):
    """Print without an end, then die."""

    def talk(images):
        line = b"x" * 999 + b"\n"
        for _ in range(40):
            os.write(1, line * 1000)
            time.sleep(0.05)
        os.write(1, b"the last words\n")
        os.kill(os.getpid(), 9)

    return _drawing(talk)


def long_winded(checkpoint, dtype, mode):
    def fail(images):
        raise ValueError("x" * 5_000_000 + " the last words")

    return _drawing(fail)


def replacing_its_log(checkpoint, dtype, mode):
    """Put what TEST_LOG names in the place of the worker's log, write a lot, and die by signal 40."""

    def replace(images):
        Path("worker.log").unlink()
        if os.environ["TEST_LOG"] == "a FIFO":
            os.mkfifo("worker.log")
        else:
            Path("worker.log").symlink_to(os.environ["TEST_LOG"])
        os.write(1, b"x" * 100_000 + b"\nthe last words\n")
        time.sleep(0.5)
        os.kill(os.getpid(), 40)

    return _drawing(replace)


def loading_other_bits(checkpoint, dtype, mode):
    _swap_numpys_bits()
    return _drawing()


def answering_nonsense(checkpoint, dtype, mode):
    """Let the answer hold what TEST_ANSWER says."""
    import json

    from harness.execution.messages import Answer, AnswerKind

    frame = sys._getframe()
    while frame.f_code.co_name != "serve":
        frame = frame.f_back
    answer = Answer(AnswerKind.DONE, json.loads(os.environ["TEST_ANSWER"]))
    frame.f_locals["worker"].looked_after = lambda _: answer
    return _drawing()


def answering_early(checkpoint, dtype, mode):
    """Send an answer with no number of a job's."""
    return _answering(lambda number: 0)


def answering_for_itself(checkpoint, dtype, mode):
    """Send an answer as its worker does, which sends another one then."""
    return _answering(lambda number: number)


def _answering(number):
    from harness.codec import to_json
    from harness.execution.messages import Answer, AnswerKind

    begun = []

    def answer(images):
        frame = sys._getframe()
        while frame.f_code.co_name != "serve":
            frame = frame.f_back
        if not begun:
            begun.append(True)
            of_worker = frame.f_locals
            done = of_worker["worker"].answer(of_worker["job"], lambda _: None)
            said = to_json(Answer(AnswerKind.DONE, done))
            of_worker["channel"].send(said | {"number": number(of_worker["number"])})
        return images

    return _drawing(answer)


def _replace_measuring():
    from harness.measurement.measurement import Measurement

    sound = Measurement.to_wire
    Measurement.to_wire = lambda self: sound(self)


def _replace_a_constant():
    from harness.measurement import measurement

    measurement._ARRAYS = ("output",)


def _set_the_jit():
    import mindspore as ms

    ms.set_context(jit_level="O2")


def _swap_numpys_bits():
    np.random.set_bit_generator(np.random.PCG64(1))


def _add_no_path():
    sys.path.append(None)


def _add_what_cannot_be_compared():
    sys.path[-1] = np.zeros(2)


def _replace_numpys():
    sound = np.concatenate
    np.concatenate = lambda *args, **kwargs: sound(*args, **kwargs)


def _replace_code():
    from harness.measurement import statistics

    statistics.summarise.__code__ = (lambda output: {}).__code__


def _replace_mindspores():
    import mindspore as ms

    ms.ops.silu = ms.ops.relu


def _leave_thread():
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()


def _leave_child():
    if not os.fork():
        time.sleep(3600)


def _set_alarm():
    signal.alarm(3600)


def _handle_signal():
    signal.signal(signal.SIGUSR2, lambda *_: None)


def _set_variable():
    os.environ["TEST_OFFSET"] = "0.25"


def _change_folder():
    os.chdir("/")


def _treat_errors_otherwise():
    np.seterr(all="raise")


def changing(checkpoint, dtype, mode):
    """Make the changes that TEST_CHANGES names to the process, and leave them so."""

    def change(images):
        for name in os.environ["TEST_CHANGES"].split():
            globals()[f"_{name}"]()
        return images

    return _drawing(change)


def seeding_mindspore_while_it_loads(checkpoint, dtype, mode):
    import mindspore as ms

    ms.set_seed(7)
    return _drawing()


def drawing_while_it_loads(checkpoint, dtype, mode):
    """Take weights from all global generators while loading, as initialisers do."""
    import random

    import mindspore as ms
    from mindspore.common.generator import default_generator

    _, offset = default_generator._step(ms.Tensor(4, ms.int64))
    weight = np.random.standard_normal() + random.random() + int(offset.asnumpy())
    return _drawing(lambda images: images + np.float32(weight))


def remembering(checkpoint, dtype, mode):
    """Give how many runs there were in this process."""

    def count(images):
        _RUNS.append(len(_RUNS))
        return images + np.float32(len(_RUNS))

    return _drawing(count)


_RUNS = []
