"""mindone's own tests (tests/diffusers_tests of its sdist) on CPU, through harness's kernels, beside torch.

    python -m benchmarks.mindone_own_tests run --python PYTHON --work FOLDER [--dtype float16] [-k TEXT]
    python -m benchmarks.mindone_own_tests judge --work FOLDER     exit code 1 if a test ends unexpectedly
    python -m benchmarks.mindone_own_tests page --work FOLDER      writes docs/mindone-own-tests.md

PYTHON has the packages of requirements.txt beside this file. FOLDER keeps the sdist, the stand-ins for what
the tests download, and the results: a run that was interrupted goes on where it was, and `--again` runs what
failed once more. Tests marked slow, which need real checkpoints, are left out, and so is graph mode, which
does not use the kernels.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.mindone_own_tests import judging, page, running

DTYPES = ("float32", "float16", "bfloat16")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the tests of a dtype")
    run.add_argument("--python", type=Path, required=True, help="the interpreter with torch and mindone")
    run.add_argument("--dtype", choices=DTYPES, default="float32")
    run.add_argument("-k", default="", help="only tests whose name contains this text")
    run.add_argument("--limit", type=float, default=300, help="seconds that a test may take, without repeats")
    run.add_argument("--memory", type=int, default=6000, help="megabytes that the process may have")
    run.add_argument("--repeats", type=int, default=0, help="how often both sides are run again and timed")
    run.add_argument("--again", action="store_true", help="run what did not pass again")
    run.add_argument("--stop-after", type=float, default=float("inf"), help="seconds after which to stop")
    for name, told in (("judge", "compare with what is expected"), ("page", "write the page's tables")):
        commands.add_parser(name, help=told)
    for each in commands.choices.values():
        each.add_argument("--work", type=Path, required=True, help="the folder for everything that is kept")
    arguments = parser.parse_args()
    if arguments.command == "run":
        running.run(**{key: value for key, value in vars(arguments).items() if key != "command"})
        return 0
    if arguments.command == "judge":
        return judging.judge(arguments.work)
    page.write(arguments.work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
