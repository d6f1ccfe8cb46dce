"""What a case is compared with: stored measurements, their integrity and their origin."""
