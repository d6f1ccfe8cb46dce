"""Noise schedules and the steps that walk back along them."""
