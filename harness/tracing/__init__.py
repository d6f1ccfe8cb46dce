"""The inputs and outputs of every cell of a model in one denoising step, and whether they repeat."""
