"""What runs: MindSpore diffusion models, schedulers and pipelines in the layout of diffusers."""
