"""What runs: MindSpore diffusion models, schedulers and pipelines in the layout of diffusers.

Importing this package imports nothing else: MindSpore is loaded only by the modules that need it.
"""
