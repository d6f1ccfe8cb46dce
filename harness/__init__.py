"""harness: a determinism and drift regression harness for MindSpore diffusion pipelines.

The public names load when they are first asked for. A worker under another interpreter loads this module by
its path, so at run time it imports nothing.
"""

__version__ = "0.1.0"

# Type checkers take it for true, as they do typing's, which is not imported for it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from harness.api.calls import calibrate as calibrate
    from harness.api.calls import check as check
    from harness.api.calls import compare as compare
    from harness.api.calls import explain as explain
    from harness.api.calls import power as power
    from harness.api.calls import record as record
    from harness.api.results import CalibrateResult as CalibrateResult
    from harness.api.results import CheckedCase as CheckedCase
    from harness.api.results import CheckResult as CheckResult
    from harness.api.results import CompareResult as CompareResult
    from harness.api.results import ExplainResult as ExplainResult
    from harness.api.results import PowerResult as PowerResult
    from harness.api.results import RecordResult as RecordResult
    from harness.baselines.errors import BaselineError as BaselineError
    from harness.cases.case import Case as Case
    from harness.cases.case import Suite as Suite
    from harness.cases.load import load_suite as load_suite
    from harness.cases.problems import SuiteError as SuiteError
    from harness.cases.tolerance import Limits as Limits
    from harness.errors import HarnessError as HarnessError
    from harness.errors import UsageError as UsageError
    from harness.execution.in_force import pin as pin
    from harness.execution.worker_process import RunError as RunError
    from harness.judgement.judgement import Verdict as Verdict
    from harness.operations.progress import Progress as Progress

# The modules that have them.
_HOMES = {
    **dict.fromkeys(("calibrate", "check", "compare", "explain", "power", "record"), "api.calls"),
    **dict.fromkeys(("CheckResult", "CheckedCase", "RecordResult", "CalibrateResult"), "api.results"),
    **dict.fromkeys(("PowerResult", "ExplainResult", "CompareResult"), "api.results"),
    "load_suite": "cases.load",
    "pin": "execution.in_force",
    **dict.fromkeys(("Suite", "Case"), "cases.case"),
    "Limits": "cases.tolerance",
    "Verdict": "judgement.judgement",
    "Progress": "operations.progress",
    **dict.fromkeys(("HarnessError", "UsageError"), "errors"),
    "SuiteError": "cases.problems",
    "BaselineError": "baselines.errors",
    "RunError": "execution.worker_process",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"harness.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
