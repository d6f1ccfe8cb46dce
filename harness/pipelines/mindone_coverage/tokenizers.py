"""Tokenizers made on the spot: an alphabet of single characters, no vocabulary to download."""

from __future__ import annotations

import json
import string
import tempfile
from pathlib import Path

import tokenizers
import transformers

VOCABULARY = 600
_CHARACTERS = string.ascii_letters + string.digits + string.punctuation


def clip_tokenizer() -> transformers.CLIPTokenizer:
    """Return CLIP's tokenizer with no merges: each byte is a token, and each byte at the end of a word."""
    from transformers.models.clip.tokenization_clip import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, merges = Path(folder, "vocab.json"), Path(folder, "merges.txt")
        vocabulary.write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
        merges.write_text("#version: 0.2\n", encoding="utf-8")
        return transformers.CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)


def t5_tokenizer(length: int = 16) -> transformers.T5TokenizerFast:
    """Return T5's tokenizer over single characters, of texts of at most ``length`` tokens."""
    return transformers.T5TokenizerFast(
        tokenizer_object=_unigram("<pad>", "</s>", "<unk>"), extra_ids=0, model_max_length=length
    )


def mclip_tokenizer() -> transformers.XLMRobertaTokenizerFast:
    """Return XLM-RoBERTa's tokenizer, Kandinsky 2.1's, over single characters."""
    model = _unigram("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    return transformers.XLMRobertaTokenizerFast(tokenizer_object=model, model_max_length=77)


def bert_tokenizer() -> transformers.BertTokenizerFast:
    """Return BERT's tokenizer over single characters."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_CHARACTERS, *("##" + c for c in _CHARACTERS)]
    model = tokenizers.models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]")
    made = tokenizers.Tokenizer(model)
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return transformers.BertTokenizerFast(tokenizer_object=made, model_max_length=77)


def _unigram(*special: str) -> tokenizers.Tokenizer:
    """Return SentencePiece's unigram model with one token for each character, as its converters build it."""
    pieces = [(token, 0.0) for token in special] + [(letter, -1.0) for letter in "▁" + _CHARACTERS]
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id=special.index("<unk>")))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    end = ("</s>", special.index("</s>"))
    made.post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", special_tokens=[end])
    return made
