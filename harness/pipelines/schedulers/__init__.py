"""Noise schedules and the steps that denoise along them."""
