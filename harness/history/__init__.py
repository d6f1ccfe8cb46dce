"""The history of past runs, with the levels and trends of their figures."""
