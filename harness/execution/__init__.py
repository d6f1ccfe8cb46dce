"""Running a case: the profile, the fingerprint, the worker process and the runner that drives it."""
