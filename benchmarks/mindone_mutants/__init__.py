"""Mutants of mindone as the judge of the shipped suites: see docs/mindone-mutants.md."""
