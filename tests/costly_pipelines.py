"""A pipeline of a user that takes twice the time on one core, and keeps memory there."""

import os
import time
from types import SimpleNamespace

import numpy as np

KEPT = []


def slow_on_one_core(checkpoint, dtype, mode):
    def pipeline(*, generator, batch_size):
        one = len(os.sched_getaffinity(0)) == 1
        time.sleep(0.4 if one else 0.2)
        if one and not KEPT:
            KEPT.append(np.ones(25_000_000, np.float64))
        return SimpleNamespace(images=generator.standard_normal((batch_size, 4, 4, 3)) + one)

    return pipeline
