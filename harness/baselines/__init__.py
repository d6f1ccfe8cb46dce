"""What a case is held to: stored measurements, their integrity and where they come from."""
