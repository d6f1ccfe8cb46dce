"""The operations on suites: each drives runners and stores, and returns its result."""
