"""What the campaigns came to, as the table of docs/reliability.md.

`HARNESS_CAMPAIGNS=FILE pytest tests/campaigns -m slow` leaves FILE; then run
`python -m benchmarks.reliability FILE`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path


def rows(lines: list[str]) -> list[tuple[str, int, str]]:
    """The campaign, its tries, and how many came to what, for each line of the campaigns' file."""
    found = []
    for line in lines:
        entry = json.loads(line)
        _, _, name = entry["test"].rpartition("::test_")
        name, _, parameters = name.rstrip("]").partition("[")
        # The last parameter is how often was asked for, which the counts say; interrupts have no other.
        of = re.sub(r"-?\d+$", "", parameters)
        counts = entry["counts"]
        told = ", ".join(f"{number:,} {what}" for what, number in sorted(counts.items()))
        name = f"{name} ({of})" if of else name
        found.append((name.replace("_", " "), sum(counts.values()), told.replace("_", " ")))
    return sorted(found)


def main(path: str) -> None:
    """Print the table."""
    print("| campaign | tries | what came of them |")
    print("|---|---|---|")
    for name, tries, told in rows(Path(path).read_text().splitlines()):
        print(f"| {name} | {tries:,} | {told} |")


if __name__ == "__main__":
    main(sys.argv[1])
