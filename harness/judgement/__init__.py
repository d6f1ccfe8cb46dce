"""How a measurement is judged: metrics, tolerance tiers and verdicts."""
