"""Peers: the same faults and the same sound runs, judged by harness and by the tests that others use.

Run as ``python -m benchmarks.peers``; see :mod:`benchmarks.peers.__main__`.
"""
