"""Every pipeline class of mindone that a small configuration is known for: components, one call, what came.

Nothing is downloaded: weights are drawn from a seed, tokenizers made of single characters. The samples say
whether a class runs, and repeats; whether it computes what it should is for suites and parity to say.
"""
