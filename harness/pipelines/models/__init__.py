"""MindSpore models that read checkpoints in the layout of diffusers and use its parameter names."""
