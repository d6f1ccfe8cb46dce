"""How a measurement is judged: metrics, tiers of tolerance, verdicts."""
