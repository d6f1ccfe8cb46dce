"""Across releases: the same suites under several environments, and what differs between them."""
