"""MindSpore models that read checkpoints in the layout of diffusers, with its parameter names."""
