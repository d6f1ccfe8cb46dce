"""Which of mindone's pipeline classes run on the CPU: tries all, and writes docs/mindone-pipelines.md.

python -m benchmarks.mindone_coverage
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from harness.execution.coverage import examine_pipelines
from harness.reporting.coverage import CoverageProgress, coverage_markdown

DOCUMENT = Path(__file__).parents[1] / "docs" / "mindone-pipelines.md"
BEGIN, END = "<!-- pipelines -->", "<!-- end of pipelines -->"


def table(text: str) -> str:
    """Return what stands between the markers in ``text``."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def main() -> None:
    with CoverageProgress(Console(stderr=True)) as progress:
        found = coverage_markdown(examine_pipelines(progress=progress.show))
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, marker, tail = rest.partition(END)
    if not marker:
        raise SystemExit(f"{DOCUMENT}: has no markers {BEGIN} and {END}; put them where the table goes")
    DOCUMENT.write_text(f"{head}{BEGIN}\n{found}\n{END}{tail}", encoding="utf-8")
    print(found)


if __name__ == "__main__":
    main()
