"""A small real vocabulary for CLIP's tokenizer: byte pair encoding learnt from the sentences below.

Sennrich et al. 2016 (https://arxiv.org/abs/1508.07909), over bytes and with `</w>` at the end of a word, as
CLIP has it (https://github.com/openai/CLIP/blob/main/clip/simple_tokenizer.py).
"""

from __future__ import annotations

import itertools
from collections import Counter

_SENTENCES = """
a red fox in the snow, a small boat on a calm lake at night, an oil painting of a city in the rain,
a photograph of an astronaut riding a horse on mars, a bowl of fruit on a wooden table in the morning light,
the portrait of an old man with a hat, a house in the forest, a drawing of a cat and a dog in the garden,
the mountains behind the lake in the evening, a green bird on the branch of a tree,
a blurry picture of low quality
"""
MERGES = 126
START, END = "<|startoftext|>", "<|endoftext|>"

Pair = tuple[str, str]


def vocabulary() -> tuple[dict[str, int], list[Pair]]:
    """Return the ids by token, and the merges in the order in which they apply."""
    merges = _learn(_SENTENCES.replace(",", " ").split(), MERGES)
    letters = _letters()
    tokens = letters + [letter + "</w>" for letter in letters]
    tokens += ["".join(pair) for pair in merges] + [START, END]
    return {token: index for index, token in enumerate(tokens)}, merges


def _learn(words: list[str], count: int) -> list[Pair]:
    """Merge the pair that is the most frequent, ties by the alphabet, `count` times."""
    spellings = Counter((*word[:-1], word[-1] + "</w>") for word in words)
    merges: list[Pair] = []
    for _ in range(count):
        pairs: Counter[Pair] = Counter()
        for spelling, frequency in spellings.items():
            for pair in itertools.pairwise(spelling):
                pairs[pair] += frequency
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        merged: Counter[tuple[str, ...]] = Counter()
        for spelling, frequency in spellings.items():
            merged[_merge(spelling, best)] += frequency
        spellings = merged
    return merges


def _merge(spelling: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    merged: list[str] = []
    for part in spelling:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return tuple(merged)


def _letters() -> list[str]:
    """Return one printable letter per byte, in CLIP's order: printable bytes stand for themselves."""
    spans = (("!", "~"), ("¡", "¬"), ("®", "ÿ"))
    printable = [byte for first, last in spans for byte in range(ord(first), ord(last) + 1)]
    others = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(others)]
