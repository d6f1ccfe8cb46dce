"""What to run: suites of cases, read from YAML, with file:line:column for every problem."""
