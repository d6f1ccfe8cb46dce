"""Across releases: running the same suites in several environments, and finding what differs."""
