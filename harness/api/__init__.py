"""The door for Python code: what the commands do, as functions that return results. See docs/python.md."""
