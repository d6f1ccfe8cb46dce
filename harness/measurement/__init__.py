"""The result of running a case: statistics, the per-step trace, the draw ledger, and their record."""
