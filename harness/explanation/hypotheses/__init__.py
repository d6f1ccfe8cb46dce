"""What a wrong cell looks like: hypotheses about its mistake, tried on what it was given and what it made."""
