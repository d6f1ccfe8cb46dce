"""What came out of a case: statistics, the per-step trace, the draw ledger, and the record of them all."""
