"""Known faults: the catalogue of them, and putting one into a running case.

Importing this package imports nothing else: the parent process uses the catalogue, the worker all of it.
"""
