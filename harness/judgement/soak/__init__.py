"""What many runs of a case prove, and which of their settings a deviation goes with."""
