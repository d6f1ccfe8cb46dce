"""What every cell of a model was given and gave in one denoising step, and whether it would give it again."""
