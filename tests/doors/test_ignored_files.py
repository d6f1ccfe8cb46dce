"""What the documentation has the commands write into a clone makes no dirty working tree of it."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITES = re.compile(
    r"--(?:harness-report|harness-markdown|certificate|json|html|markdown|picture|history|junitxml)[ =]"
    r"([a-z][\w./-]*)"
)


def test_git_ignores_what_commands_write():
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    # Its lines are those of helps, which show no command.
    pages.remove(ROOT / "docs" / "commands.md")
    names = {name for page in pages for name in WRITES.findall(page.read_text())}
    assert {"out/report", "certificate.json"} <= names
    # A certificate would say of the commit that it has changes.
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=ROOT,
        input="\n".join(sorted({*names, "report/index.html"})),
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == {*names, "report/index.html"}
