"""The commands of `harness`, one module each; :mod:`harness.cli` gives them their names."""
