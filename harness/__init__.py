"""harness: a determinism and drift regression harness for MindSpore diffusion pipelines.

This module stays empty of imports: a worker under another interpreter loads it by path.
"""

__version__ = "0.1.0"
