"""What to run: suites of cases, read from YAML with a file:line:column for everything that is wrong."""

from harness.cases.case import Case, Suite
from harness.cases.discovery import find_suites, looks_like_suite
from harness.cases.load import check_unique_names, load_suite
from harness.cases.problems import Problem, SuiteError
from harness.cases.tolerance import Calibrated, Limits, Tolerance

__all__ = [
    "Calibrated",
    "Case",
    "Limits",
    "Problem",
    "Suite",
    "SuiteError",
    "Tolerance",
    "check_unique_names",
    "find_suites",
    "load_suite",
    "looks_like_suite",
]
