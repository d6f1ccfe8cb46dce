"""The pytest plugin, with real pytest processes: collection, selection, xdist, reports, failures."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest


def test_no_run_imports_mindspore_and_statistics_are_properties_of_the_junit_report(kept):
    (kept.root / "check.py").write_text(
        "import sys\n\n\n"
        "def pytest_unconfigure():\n    print('mindspore imported:', 'mindspore' in sys.modules)\n"
    )
    done = kept.pytest("-p", "check", "suites/", "--junitxml", "report.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mindspore imported: False" in done.stdout, done.stdout + done.stderr
    cases = list(ElementTree.parse(kept.root / "report.xml").iter("testcase"))
    assert len(cases) == 2
    for case in cases:
        properties = {item.get("name"): item.get("value") for item in case.iter("property")}
        assert properties["verdict"] == "identical"
        assert properties["tier"] == "same_environment"
        assert float(properties["statistic.abs_sum"]) > 0
        assert float(properties["statistic.channel0.std"]) > 0


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ([], ["one", "two"]),
        (["-k", "two"], ["two"]),
        (["-m", "quick"], ["two"]),
        (["-m", "not quick"], ["one"]),
        (["-m", "quick", "--strict-markers"], ["two"]),
        (["suites/small.yaml::one"], ["one"]),
    ],
)
def test_selection(recorded, arguments, chosen):
    paths = [] if "suites/small.yaml::one" in arguments else ["suites/"]
    done = recorded.pytest("--collect-only", "-q", *arguments, *paths)
    assert done.returncode == 0, done.stdout
    items = [line for line in done.stdout.splitlines() if "::" in line]
    assert items == [f"suites/small.yaml::{name}" for name in chosen]


def test_cases_are_shared_out_and_counted_once(recorded):
    done = recorded.pytest("-v", "-n", "2", "suites/")
    assert done.returncode == 0, done.stdout
    assert "2 identical" in done.stdout
    assert "2 passed" in done.stdout
    for name in ("one", "two"):
        assert f"suites/small.yaml::{name}" in done.stdout


def test_other_yaml_is_not_collected(kept):
    (kept.root / "suites" / "compose.yaml").write_text("services: {web: {image: x}}\n")
    done = kept.pytest("--collect-only", "-q", "suites/")
    assert "compose" not in done.stdout
    assert "2 tests collected" in done.stdout


def test_a_broken_suite_is_a_collection_error_and_hides_no_other(project):
    project.suite("broken", "suite: broken\ncases:\n  - id: a\n    steps: none\n    pipeline: ddim\n")
    done = project.pytest("--collect-only", "-q", "suites/")
    assert done.returncode == 2
    assert "suites/broken.yaml:4:12: " in done.stdout
    assert "Traceback" not in done.stdout
    assert "suites/small.yaml::one" in done.stdout


def test_a_case_that_is_not_there_is_told_the_one_that_was_meant(recorded):
    done = recorded.pytest("--collect-only", "suites/small.yaml::one", "suites/small.yaml::tow")
    assert done.returncode == 4
    assert "suites/small.yaml: there is no case 'tow'; did you mean 'two'?" in done.stdout
    assert "SuiteFile" not in done.stdout + done.stderr


@pytest.mark.parametrize(("content", "told"), [(b"", "the file is empty"), (b"\xf5\x00\xc3", "is not UTF-8")])
def test_a_suite_that_lost_its_content_does_not_vanish(project, content, told):
    (project.root / "suites" / "lost.yaml").write_bytes(content)
    done = project.pytest("--collect-only", "-q", "suites/")
    assert done.returncode == 2
    assert "suites/lost.yaml:1:1: " in done.stdout
    assert told in done.stdout
    listed = project.command("list", "suites/")
    assert listed.returncode == 4
    assert told in listed.stderr


def test_an_empty_suite_that_is_named_is_said_to_be_empty(project):
    (project.root / "alone").mkdir()
    (project.root / "alone" / "suite.yaml").write_text("\n")
    (project.root / "alone" / "other.yaml").write_text("services: {}\n")
    done = project.pytest("alone/suite.yaml")
    assert "alone/suite.yaml:1:1: the file is empty; write `suite:` and `cases:`" in done.stdout
    assert "not found" not in done.stdout + done.stderr
    # A file of another tool stays that tool's.
    assert "not found" in project.pytest("alone/other.yaml").stderr


@pytest.mark.parametrize(("more", "ci"), [([], ""), (["-n", "1"], "true")])
def test_the_line_in_the_summary_has_the_reason(project, more, ci):
    project.environment |= {"CI": ci, "COLUMNS": "300"}
    done = project.pytest("suites/small.yaml::one", f"--junitxml={project.root}/r.xml", *more)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert line.startswith("FAILED suites/small.yaml::one - error: no baseline of small/one is stored in")
    failure = next(ElementTree.parse(project.root / "r.xml").iter("failure"))
    assert failure.get("message", "").startswith("error: no baseline of small/one")
    # What is told above is whole.
    assert "small/one: error" in done.stdout
    assert "what to type:" in (failure.text or "")


@pytest.mark.parametrize("processes", [[], ["-n", "2"]])
def test_two_suites_of_one_name_are_refused(project, processes):
    project.suite("copy", (project.root / "suites" / "small.yaml").read_text())
    done = project.pytest("suites/", *processes)
    assert done.returncode in (1, 2)  # xdist says 1 for an error of collection
    assert "the suite's name 'small' is taken by" in done.stdout
    assert "INTERNALERROR" not in done.stdout
    assert "passed" not in done.stdout


def test_a_baseline_folder_that_is_not_there_is_wrong_usage(project):
    done = project.pytest("suites/", "--baseline-dir", "nowhere")
    assert done.returncode == 4
    assert "nowhere: no such folder" in done.stderr


@pytest.mark.parametrize("option", ["--harness-timeout", "--harness-worker-memory"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e12", "soon"])
def test_a_limit_that_is_none_is_wrong_usage(pytester, option, value):
    # In this process: the plugin of the harness is loaded in every run of pytest.
    with pytest.raises(pytest.UsageError, match=option):
        pytester.parseconfigure(f"{option}={value}")


def test_last_failed_runs_only_what_failed(kept):
    kept.edit("suites/small.yaml", "seed: 2", "seed: 3")
    arguments = ("-p", "cacheprovider", "-v", "suites/")
    assert "1 failed, 1 passed" in kept.pytest(*arguments).stdout
    again = kept.pytest("--lf", *arguments)
    assert "1 failed" in again.stdout
    assert "passed" not in again.stdout.splitlines()[-1]


def test_exitfirst_stops_at_the_first_failure(project):
    done = project.pytest("-x", "suites/")
    assert "1 failed" in done.stdout
    assert "2 failed" not in done.stdout


MIXED = """\
suite: mixed
defaults: {seed: 0, steps: 2}
cases:
  - {id: a-crash, pipeline: "pipelines:crashing"}
  - {id: b-error, pipeline: "pipelines:raising"}
  - {id: c-hang, pipeline: "pipelines:hanging"}
  - {id: d-hungry, pipeline: "pipelines:hungry"}
  - {id: e-sound, pipeline: "pipelines:sound"}
"""


def test_crash_error_hang_and_hunger_fail_their_cases_and_the_session_goes_on(project):
    project.suite("mixed", MIXED)
    code = project.root / "pipelines.py"
    broken = code.read_text()
    # An edit of the cases would make their baselines stale: it is the pipelines that break.
    code.write_text(f"{broken}\n\ncrashing = raising = hanging = hungry = sound\n")
    project.keep_baselines()
    code.write_text(broken)
    done = project.pytest("suites/mixed.yaml", "--harness-timeout=20", "--harness-worker-memory=1")
    assert done.returncode == 1
    assert "signal SIGSEGV" in done.stdout
    assert "the pipeline's own error" in done.stdout
    assert "no result after 20 s" in done.stdout
    assert "its worker used 1." in done.stdout
    assert "the limit is 1 GiB" in done.stdout
    assert "4 failed, 1 passed" in done.stdout


@pytest.mark.parametrize(
    ("python", "message"),
    [("/no-such-python", "no such interpreter"), ("/bin/true", "not a Python interpreter")],
)
def test_a_python_that_is_none_is_wrong_usage(recorded, python, message):
    done = recorded.pytest("suites/", f"--harness-python={python}")
    assert done.returncode == 4
    assert f"{python}: {message}" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.fixture
def other_project(tmp_path):
    """A project without suites, in an environment that happens to have the package."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (tmp_path / "params.yaml").write_text("cases:\n  - input: 1\n")
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    return Other(tmp_path)


class Other:
    def __init__(self, root):
        self.root = root

    def pytest(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.parametrize("arguments", [[], ["-n", "1"], ["-p", "no:harness"], ["--strict-markers", "-s"]])
def test_a_project_without_suites_is_left_alone(other_project, arguments):
    done = other_project.pytest(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "harness:" not in done.stdout


@pytest.mark.parametrize("name", ["--device", "--baseline-dir"])
def test_a_project_may_have_an_option_of_the_same_name(other_project, name):
    (other_project.root / "conftest.py").write_text(
        f"def pytest_addoption(parser):\n    parser.addoption({name!r}, default='mine')\n"
    )
    (other_project.root / "test_it.py").write_text(
        "import pytest\n\n\n"
        f"@pytest.fixture\ndef value(request):\n    return request.config.getoption({name!r})\n\n\n"
        "def test_it(value):\n    assert value == 'theirs'\n"
    )
    done = other_project.pytest(name, "theirs", f"--harness{name[1:]}", {"--device": "CPU"}.get(name, "."))
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_keeps_every_case_from_running_is_one_error_without_a_traceback(project):
    (project.root / "baselines").mkdir()
    # Not in pytest's root, where it would be wrong usage: users' pipelines are found here, too.
    (project.root / "here").mkdir()
    (project.root / "here" / "pyproject.toml").write_text("[tool.harness]\nfactories = 'mine'\n")
    done = project.within("here").pytest("../suites/small.yaml::one")
    assert done.returncode == 1
    assert "pyproject.toml:2: [tool.harness] factories is not a list of modules" in done.stdout
    assert "raise UsageError" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_importing_the_plugin_imports_nothing_that_takes_time():
    code = (
        "import sys, pytest; before = set(sys.modules); import harness.pytest_plugin.plugin; "
        "print({name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{'harness'}\n"


def test_a_project_without_a_configuration_file_runs_where_it_is(kept):
    """pytest's root is then the folder of the suites, which has neither baselines nor pipelines."""
    (kept.root / "pytest.ini").unlink()
    done = kept.pytest("suites/", "-n", "1")
    assert done.returncode == 0, done.stdout
    assert "2 identical" in done.stdout


@pytest.mark.parametrize("baselines", [True, False])
def test_collecting_imports_nothing_that_only_a_run_needs(tmp_path, baselines):
    (tmp_path / "s.yaml").write_text(
        "suite: s\ncases: [{id: a, pipeline: ddim, checkpoint: 'builtin:ddpm-digits', steps: 2, seed: 0}]\n"
    )
    if baselines:
        (tmp_path / "baselines" / "s" / "gone").mkdir(parents=True)
        (tmp_path / "baselines" / "s" / "gone" / "cpu.json").touch()
    code = (
        "import sys, pytest\n"
        "code = pytest.main(['--collect-only', '-q', 's.yaml'])\n"
        "print(*sys.modules)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "s.yaml::a" in done.stdout
    assert ("orphan: s/gone/cpu.json" in done.stdout) == baselines
    # xdist imports execnet.
    unwanted = {"numpy", "mindspore", "safetensors", "rich", "harness.execution.runner", "harness.judgement"}
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "harness.pytest_plugin.collection" in loaded
    assert not unwanted & loaded
