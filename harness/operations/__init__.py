"""What one can do with suites: each operation drives runners and stores and returns its result."""
