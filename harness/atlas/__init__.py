"""The atlas: what single operators compute, at shapes of real models, and how far that is from exact."""
