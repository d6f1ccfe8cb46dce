"""Invariances: whether relations between two runs of a case hold, and what a case promises of them."""
