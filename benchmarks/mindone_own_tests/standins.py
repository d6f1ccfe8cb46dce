"""Small stand-ins, made from seeds, for what mindone's tests download from the Hub.

    python -m benchmarks.mindone_own_tests.standins FOLDER

It needs torch, transformers, diffusers and sentencepiece.

FOLDER becomes a cache of huggingface_hub (`HF_HUB_CACHE`), so that torch's side and MindSpore's load the same
files in the same way. The real models are random, too: of them only names and sizes matter to the tests.
"""

from __future__ import annotations

import io
import json
import random
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

COMMIT = "0" * 40
# Besides main, tests ask for this revision, which on the Hub holds the weights as safetensors.
REVISIONS = ("main", "refs/pr/1")

Make = Callable[[Path], None]
MAKERS: dict[str, list[tuple[str, Make]]] = {}


def standin(*repositories: str, subfolder: str = "") -> Callable[[Make], Make]:
    """Say that the function writes what the repositories hold in ``subfolder``."""

    def enter(make: Make) -> Make:
        for each in repositories:
            MAKERS.setdefault(each, []).append((subfolder, make))
        return make

    return enter


def make_all(cache: Path) -> None:
    """Write every stand-in that is not there yet."""
    import torch

    for repository, makers in MAKERS.items():
        kind = "" if repository.startswith("datasets/") else "models--"
        folder = cache / f"{kind}{repository.replace('/', '--')}"
        done = folder / "refs" / "main"
        if done.exists():
            continue
        for subfolder, make in makers:
            target = folder / "snapshots" / COMMIT / subfolder
            target.mkdir(parents=True, exist_ok=True)
            torch.manual_seed(0)
            make(target)
        for revision in reversed(REVISIONS):
            reference = folder / "refs" / revision
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(COMMIT)


def write_json(target: Path, content: Any) -> None:
    target.write_text(json.dumps(content, indent=1))


# Tokenizers


def byte_symbols() -> list[str]:
    """Return the printable stand-ins for the 256 bytes of a byte-level BPE."""
    from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

    return list(bytes_to_unicode().values())


def byte_level(
    target: Path, before: Iterable[str], after: Iterable[str], ends: Iterable[str] = ("",)
) -> dict[str, int]:
    """Write the vocabulary of a byte-level BPE without merges: special tokens before and after the bytes."""
    symbols = [symbol + end for end in ends for symbol in byte_symbols()]
    vocabulary = {token: index for index, token in enumerate([*before, *symbols, *after])}
    write_json(target / "vocab.json", vocabulary)
    (target / "merges.txt").write_text("#version: 0.2\n")
    return vocabulary


@standin("hf-internal-testing/tiny-random-clip", "peft-internal-testing/tiny-clip-text-2")
@standin("hf-internal-testing/unidiffuser-diffusers-test", subfolder="clip_tokenizer")
@standin("openai/clip-vit-large-patch14")
def clip_tokenizer(target: Path) -> None:
    # The end has the highest number: models with eos_token_id 2 look for the largest.
    byte_level(target, (), ("<|startoftext|>", "<|endoftext|>"), ("", "</w>"))
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"}
    config |= {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    write_json(target / "tokenizer_config.json", config)


@standin("openai/clip-vit-large-patch14")
def clip_image_processor(target: Path) -> None:
    from transformers import CLIPImageProcessor

    CLIPImageProcessor().save_pretrained(target)


@standin("hf-internal-testing/tiny-random-roberta")
def roberta_tokenizer(target: Path) -> None:
    byte_level(target, ("<s>", "<pad>", "</s>", "<unk>"), ("<mask>",))
    write_json(
        target / "tokenizer_config.json", {"tokenizer_class": "RobertaTokenizer", "model_max_length": 512}
    )


@standin("hf-internal-testing/unidiffuser-diffusers-test", subfolder="text_tokenizer")
def gpt2_tokenizer(target: Path) -> None:
    # The decoder beside it may say any of its 1,025 words, and a space is no symbol of a byte.
    byte_level(target, (), ("<|endoftext|>", "<|EOS|>", *(f"<unused-{number}>" for number in range(767))))
    config = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 1024, "eos_token": "<|EOS|>"}
    write_json(target / "tokenizer_config.json", config)


@standin("hf-internal-testing/tiny-random-BertModel")
def bert_tokenizer(target: Path) -> None:
    letters = [chr(code) for code in range(33, 127)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{each}" for each in letters)]
    (target / "vocab.txt").write_text("\n".join(words))
    write_json(
        target / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "model_max_length": 512}
    )


def sentences(letters: str = "etaoinshrdlucmfwypvbgkjqxz") -> Iterable[str]:
    rng = random.Random(0)
    weights = range(len(letters), 0, -1)
    for _ in range(400):
        words = ("".join(rng.choices(letters, weights, k=rng.randint(2, 8))) for _ in range(9))
        yield " ".join(words)


def sentencepiece_model(target: Path, size: int, letters: str | None = None, **options: Any) -> None:
    """Train a sentencepiece model on sentences from a seed."""
    import sentencepiece

    model = io.BytesIO()
    options = {"model_type": "bpe", "hard_vocab_limit": False} | options
    if options["model_type"] == "bpe":
        del options["hard_vocab_limit"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences(letters) if letters else sentences()), model_writer=model,
        vocab_size=size, num_threads=1,
        minloglevel=2, **options,
    )  # fmt: skip
    target.write_bytes(model.getvalue())


@standin("hf-internal-testing/tiny-random-t5", "hf-internal-testing/tiny-random-T5Model")
@standin("hf-internal-testing/tiny-random-umt5")
def t5_tokenizer(target: Path) -> None:
    from transformers import T5Tokenizer, T5TokenizerFast

    sentencepiece_model(
        target / "spiece.model", 300, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1
    )
    # The tests' models have 1,000 words: fewer extra ones than a hundred keep below that, too.
    T5Tokenizer(str(target / "spiece.model"), model_max_length=512).save_pretrained(target)
    T5TokenizerFast.from_pretrained(target).save_pretrained(target)


@standin("YiYiXu/tiny-random-mclip-base")
def xlm_roberta_tokenizer(target: Path) -> None:
    from transformers import XLMRobertaTokenizer, XLMRobertaTokenizerFast

    sentencepiece_model(target / "sentencepiece.bpe.model", 300, model_type="unigram")
    XLMRobertaTokenizer(str(target / "sentencepiece.bpe.model")).save_pretrained(target)
    XLMRobertaTokenizerFast.from_pretrained(target).save_pretrained(target)


@standin("hf-internal-testing/tiny-random-LlamaForCausalLM", "hf-internal-testing/llama-tokenizer")
@standin("finetrainers/dummy-hunyaunvideo", subfolder="tokenizer")
def llama_tokenizer(target: Path) -> None:
    from transformers import LlamaTokenizer, LlamaTokenizerFast

    sentencepiece_model(target / "tokenizer.model", 300, byte_fallback=False, unk_id=0, bos_id=1, eos_id=2)
    slow = LlamaTokenizer(str(target / "tokenizer.model"), legacy=False, pad_token="</s>")
    slow.model_max_length = 2048
    slow.save_pretrained(target)
    LlamaTokenizerFast.from_pretrained(target, from_slow=True).save_pretrained(target)


@standin("hf-internal-testing/dummy-gemma")
def gemma_tokenizer(target: Path) -> None:
    from transformers import GemmaTokenizer, GemmaTokenizerFast

    # The text models beside it have eight words.
    sentencepiece_model(
        target / "tokenizer.model", 8, "eta", model_type="unigram", pad_id=0, eos_id=1, bos_id=2, unk_id=3
    )  # fmt: skip
    GemmaTokenizer(str(target / "tokenizer.model")).save_pretrained(target)
    GemmaTokenizerFast.from_pretrained(target, from_slow=True).save_pretrained(target)


@standin("hf-internal-testing/tiny-random-chatglm3-6b")
def chatglm_tokenizer(target: Path) -> None:
    sentencepiece_model(target / "tokenizer.model", 300, byte_fallback=False)
    config = {"tokenizer_class": "ChatGLMTokenizer", "model_max_length": 256, "padding_side": "left"}
    write_json(target / "tokenizer_config.json", config)


_QWEN = {
    "<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645, "<|vision_start|>": 151652,
    "<|vision_end|>": 151653, "<|vision_pad|>": 151654, "<|image_pad|>": 151655, "<|video_pad|>": 151656,
}  # fmt: skip


@standin("hf-internal-testing/tiny-random-Qwen2VLForConditionalGeneration")
def qwen_processor(target: Path) -> None:
    from transformers import AddedToken, Qwen2Tokenizer, Qwen2TokenizerFast, Qwen2VLImageProcessor

    # Numbers without a word would be taken for damage.
    unused = (f"<unused-{number}>" for number in range(256, max(_QWEN.values()) + 1))
    words = {number: token for token, number in byte_level(target, (), unused).items()}
    words |= {number: token for token, number in _QWEN.items()}
    vocabulary = {token: number for number, token in sorted(words.items())}
    write_json(target / "vocab.json", vocabulary)
    added = [AddedToken(each, special=True, normalized=False) for each in _QWEN]
    files = (str(target / "vocab.json"), str(target / "merges.txt"))
    for each in (Qwen2Tokenizer, Qwen2TokenizerFast):
        tokenizer = each(*files, pad_token="<|endoftext|>", eos_token="<|im_end|>", unk_token="<|endoftext|>")
        tokenizer.add_special_tokens({"additional_special_tokens": added})
        tokenizer.model_max_length = 2048
        tokenizer.save_pretrained(target)
    Qwen2VLImageProcessor(min_pixels=28 * 28, max_pixels=56 * 56).save_pretrained(target)
    write_json(
        target / "preprocessor_config.json",
        json.loads((target / "preprocessor_config.json").read_text())
        | {"processor_class": "Qwen2VLProcessor"},
    )


# Models


@standin("hf-internal-testing/tiny-random-t5")
def t5(target: Path) -> None:
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=1103, d_model=32, d_kv=8, d_ff=37, num_layers=5, num_heads=4, decoder_start_token_id=0
    )
    T5EncoderModel(config).save_pretrained(target)


@standin("hf-internal-testing/tiny-random-umt5")
def umt5(target: Path) -> None:
    from transformers import UMT5Config, UMT5EncoderModel

    config = UMT5Config(
        vocab_size=1103, d_model=32, d_kv=8, d_ff=37, num_layers=5, num_heads=4, decoder_start_token_id=0
    )
    UMT5EncoderModel(config).save_pretrained(target)


@standin("hf-internal-testing/tiny-random-BertModel")
def bert(target: Path) -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=1124, hidden_size=32, num_hidden_layers=5, num_attention_heads=4, intermediate_size=37
    )
    BertModel(config).save_pretrained(target)


@standin("hf-internal-testing/tiny-random-LlamaForCausalLM")
def llama(target: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=1000, hidden_size=16, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4
    )
    LlamaForCausalLM(config).save_pretrained(target)


@standin("hf-internal-testing/tiny-random-chatglm3-6b")
def chatglm(target: Path) -> None:
    import torch
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig, ChatGLMModel

    config = ChatGLMConfig(
        num_layers=2, padded_vocab_size=65024, hidden_size=8, ffn_hidden_size=16, kv_channels=4,
        num_attention_heads=2, seq_length=256, multi_query_attention=True, multi_query_group_num=1,
        add_qkv_bias=True, rmsnorm=True, fp32_residual_connection=False, original_rope=True, use_cache=True,
    )  # fmt: skip
    model = ChatGLMModel(config)
    for name, parameter in model.named_parameters():  # it leaves them as the memory was
        is_norm = "norm" in name and name.endswith("weight")
        torch.nn.init.ones_(parameter) if is_norm else torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(target)


@standin("hf-internal-testing/tiny-random-SiglipVisionModel")
def siglip(target: Path) -> None:
    from transformers import SiglipImageProcessor, SiglipVisionConfig, SiglipVisionModel

    config = SiglipVisionConfig(
        hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4, image_size=30,
        patch_size=2,
    )  # fmt: skip
    SiglipVisionModel(config).save_pretrained(target)
    SiglipImageProcessor(size={"height": 30, "width": 30}).save_pretrained(target)


@standin("hf-internal-testing/tiny-random-ClapModel")
def clap_features(target: Path) -> None:
    from transformers import ClapFeatureExtractor

    ClapFeatureExtractor().save_pretrained(target)


@standin("hf-internal-testing/tiny-random-DPTForDepthEstimation")
def dpt_features(target: Path) -> None:
    from transformers import DPTImageProcessor

    DPTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(target)
    described = json.loads((target / "preprocessor_config.json").read_text())
    write_json(target / "preprocessor_config.json", described)


@standin("datasets/hf-internal-testing/diffusers-images", subfolder="unidiffuser")
def picture(target: Path) -> None:
    import numpy as np
    from PIL import Image

    # Coarse tiles: the test makes 32 x 32 pixels of it.
    tiles = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(tiles).resize((64, 64), Image.Resampling.NEAREST).save(
        target / "unidiffuser_example_image.jpg"
    )


_UNIDIFFUSER = "hf-internal-testing/unidiffuser-diffusers-test"


@standin(_UNIDIFFUSER, subfolder="unet")
def unidiffuser_unet(target: Path) -> None:
    from diffusers import UniDiffuserModel

    UniDiffuserModel(
        text_dim=32, clip_img_dim=32, num_text_tokens=77, num_attention_heads=2, attention_head_dim=8,
        in_channels=4, out_channels=4, num_layers=2, sample_size=16, patch_size=2, activation_fn="gelu",
        num_embeds_ada_norm=1000, norm_type="layer_norm", block_type="unidiffuser", pre_layer_norm=False,
        norm_elementwise_affine=True, ff_final_dropout=True,
    ).save_pretrained(target)  # fmt: skip


@standin(_UNIDIFFUSER, subfolder="vae")
def unidiffuser_vae(target: Path) -> None:
    from diffusers import AutoencoderKL

    AutoencoderKL(
        sample_size=32, in_channels=3, out_channels=3, block_out_channels=(32, 64), layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
    ).save_pretrained(target)  # fmt: skip


@standin(_UNIDIFFUSER, subfolder="text_decoder")
def unidiffuser_text_decoder(target: Path) -> None:
    from diffusers.pipelines.unidiffuser import UniDiffuserTextDecoder
    from safetensors.torch import save_file

    model = UniDiffuserTextDecoder(
        prefix_length=77, prefix_inner_dim=32, prefix_hidden_dim=32, vocab_size=1025, n_positions=1024,
        n_embd=32, n_layer=5, n_head=4, n_inner=37, activation_function="gelu_new",
    )  # fmt: skip
    model.save_config(target)
    # Two of its tensors are one, which save_pretrained refuses.
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(tensors, target / "diffusion_pytorch_model.safetensors", {"format": "pt"})


@standin(_UNIDIFFUSER, subfolder="text_encoder")
def unidiffuser_text_encoder(target: Path) -> None:
    from transformers import CLIPTextConfig, CLIPTextModel

    CLIPTextModel(
        CLIPTextConfig(
            bos_token_id=0, eos_token_id=2, hidden_size=32, intermediate_size=37, num_attention_heads=4,
            num_hidden_layers=5, pad_token_id=1, vocab_size=1000,
        )
    ).save_pretrained(target)  # fmt: skip


@standin(_UNIDIFFUSER, subfolder="image_encoder")
def unidiffuser_image_encoder(target: Path) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            image_size=32, patch_size=2, hidden_size=32, projection_dim=32, num_hidden_layers=5,
            num_attention_heads=4, intermediate_size=37,
        )
    ).save_pretrained(target)  # fmt: skip


def consistency_unet(target: Path, classes: int | None) -> None:
    from diffusers import UNet2DModel

    UNet2DModel(
        sample_size=32, in_channels=3, out_channels=3, layers_per_block=2, num_class_embeds=classes,
        block_out_channels=(32, 64), attention_head_dim=8, attn_norm_num_groups=32,
        down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "ResnetUpsampleBlock2D"), resnet_time_scale_shift="scale_shift",
        upsample_type="resnet", downsample_type="resnet",
    ).save_pretrained(target)  # fmt: skip


@standin("diffusers/consistency-models-test", subfolder="test_unet")
def consistency_unconditional(target: Path) -> None:
    consistency_unet(target, None)


@standin("diffusers/consistency-models-test", subfolder="test_unet_class_cond")
def consistency_conditional(target: Path) -> None:
    consistency_unet(target, 10)


if __name__ == "__main__":
    make_all(Path(sys.argv[1]))
