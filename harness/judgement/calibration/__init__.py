"""Calibration: how far rounding alone moves a case, and the limits derived from that."""
