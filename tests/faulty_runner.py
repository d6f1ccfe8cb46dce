"""A runner of faulty jobs, for what explains them."""

from dataclasses import replace


class Faulty:
    """A runner that puts one fault into every job, and runs all of them in one worker, which is faster."""

    def __init__(self, runner, fault):
        self._runner, self._fault = runner, fault

    def run(self, job):
        return self._runner.run(replace(self._faulty(job), isolate=False))

    def replay(self, job, trace):
        return self._runner.replay(self._faulty(job), trace)

    def _faulty(self, job):
        return job.with_fault(self._fault.name, self._fault.size)
