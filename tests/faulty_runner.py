"""A runner of faulty jobs, for what explains them."""

from dataclasses import replace


class Faulty:
    """A runner that puts one fault into every job, and runs all of them in one worker, which is faster."""

    def __init__(self, runner, fault):
        self._runner, self._fault = runner, fault

    def run(self, job):
        return self._runner.run(replace(job, fault=self._fault, isolate=False))

    def replay(self, job, trace):
        return self._runner.replay(replace(job, fault=self._fault), trace)
