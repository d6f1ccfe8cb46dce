"""How it went so far: the runs that a history keeps, their levels and trends."""
