"""Power: which known faults a case catches at its tolerance, and how small they can be."""
