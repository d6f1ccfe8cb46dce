"""Front door 1: pytest. The entry point is :mod:`harness.pytest_plugin.plugin`."""
