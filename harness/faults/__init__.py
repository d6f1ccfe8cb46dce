"""Known faults: the catalogue, and the code that puts a fault into a running case.

Importing this package imports nothing else. The parent process uses only the catalogue, the worker all of it.
"""
