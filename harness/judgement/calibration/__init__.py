"""Calibration: how far rounding alone moves a case, and the limits that follow from it."""
