"""What to run: suites of cases, read from YAML with a file:line:column for everything that is wrong."""
