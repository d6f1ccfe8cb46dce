"""Names and shapes of the parameters of diffusers' models, derived from their configurations.

Only the fields and kinds of blocks that `configurations.py` uses are known. Names and order follow the
state dicts of diffusers and transformers (https://github.com/huggingface/diffusers, src/diffusers/models);
loading a checkpoint there refuses any name or shape that is missing or too many.
"""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]


def unet(config: Config) -> Shapes:
    """Return the shapes of a `UNet2DModel` or `UNet2DConditionModel`."""
    channels = config["block_out_channels"]
    first, last = channels[0], channels[-1]
    embedding = 4 * first
    shapes = {
        **_conv("conv_in", config["in_channels"], first),
        **_linear("time_embedding.linear_1", first, embedding),
        **_linear("time_embedding.linear_2", embedding, embedding),
    }
    skips = [first]  # channels of each tensor that a down block leaves for the up blocks
    inner = first
    for index, (kind, outer) in enumerate(zip(config["down_block_types"], channels, strict=True)):
        block = f"down_blocks.{index}"
        for layer in range(config["layers_per_block"]):
            shapes |= _resnet(f"{block}.resnets.{layer}", inner, outer, config)
            shapes |= _attention(f"{block}.attentions.{layer}", kind, outer, config)
            inner = outer
            skips.append(outer)
        if index < len(channels) - 1:
            shapes |= _sampler(f"{block}.downsamplers.0", kind, outer, config)
            skips.append(outer)
    shapes |= _middle("mid_block", config.get("mid_block_type", "UNetMidBlock2D"), last, config)
    for index, (kind, outer) in enumerate(zip(config["up_block_types"], reversed(channels), strict=True)):
        block = f"up_blocks.{index}"
        for layer in range(config["layers_per_block"] + 1):
            shapes |= _resnet(f"{block}.resnets.{layer}", inner + skips.pop(), outer, config)
            shapes |= _attention(f"{block}.attentions.{layer}", kind, outer, config)
            inner = outer
        if index < len(channels) - 1:
            shapes |= _sampler(f"{block}.upsamplers.0", kind, outer, config)
    return shapes | _norm("conv_norm_out", first) | _conv("conv_out", first, config["out_channels"])


def autoencoder(config: Config) -> Shapes:
    """Return the shapes of an `AutoencoderKL`."""
    channels, latent = config["block_out_channels"], config["latent_channels"]
    first, last, layers = channels[0], channels[-1], config["layers_per_block"]
    shapes = _conv("encoder.conv_in", config["in_channels"], first)
    inner = first
    for index, outer in enumerate(channels):
        for layer in range(layers):
            shapes |= _resnet(f"encoder.down_blocks.{index}.resnets.{layer}", inner, outer, config)
            inner = outer
        if index < len(channels) - 1:
            shapes |= _conv(f"encoder.down_blocks.{index}.downsamplers.0.conv", outer, outer)
    shapes |= _middle("encoder.mid_block", "UNetMidBlock2D", last, config)
    shapes |= _norm("encoder.conv_norm_out", last) | _conv("encoder.conv_out", last, 2 * latent)
    shapes |= _conv("decoder.conv_in", latent, last)
    shapes |= _middle("decoder.mid_block", "UNetMidBlock2D", last, config)
    for index, outer in enumerate(reversed(channels)):
        for layer in range(layers + 1):
            shapes |= _resnet(f"decoder.up_blocks.{index}.resnets.{layer}", inner, outer, config)
            inner = outer
        if index < len(channels) - 1:
            shapes |= _conv(f"decoder.up_blocks.{index}.upsamplers.0.conv", outer, outer)
    shapes |= _norm("decoder.conv_norm_out", first) | _conv("decoder.conv_out", first, config["out_channels"])
    shapes |= _conv("quant_conv", 2 * latent, 2 * latent, 1)
    return shapes | _conv("post_quant_conv", latent, latent, 1)


def text_encoder(config: Config) -> Shapes:
    """Return the shapes of a `CLIPTextModel`, or of a `CLIPTextModelWithProjection` if `config` names it."""
    width = config["hidden_size"]
    shapes: Shapes = {
        "text_model.embeddings.token_embedding.weight": (config["vocab_size"], width),
        "text_model.embeddings.position_embedding.weight": (config["max_position_embeddings"], width),
    }
    for index in range(config["num_hidden_layers"]):
        layer = f"text_model.encoder.layers.{index}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _linear(f"{layer}.self_attn.{name}", width, width)
        shapes |= _norm(f"{layer}.layer_norm1", width) | _norm(f"{layer}.layer_norm2", width)
        shapes |= _linear(f"{layer}.mlp.fc1", width, config["intermediate_size"])
        shapes |= _linear(f"{layer}.mlp.fc2", config["intermediate_size"], width)
    shapes |= _norm("text_model.final_layer_norm", width)
    if config["architectures"] == ["CLIPTextModelWithProjection"]:
        shapes |= _linear("text_projection", width, config["projection_dim"], bias=False)
    return shapes


def prior(config: Config) -> Shapes:
    """Return the shapes of a `PriorTransformer`."""
    width = config["num_attention_heads"] * config["attention_head_dim"]
    embedding = config["embedding_dim"]
    tokens = config["num_embeddings"] + config["additional_embeddings"]
    shapes: Shapes = {
        "positional_embedding": (1, tokens, width),
        "prd_embedding": (1, 1, width),
        "clip_mean": (1, embedding),
        "clip_std": (1, embedding),
        **_linear("time_embedding.linear_1", width, width),
        **_linear("time_embedding.linear_2", width, width),
    }
    for name in ("proj_in", "embedding_proj", "encoder_hidden_states_proj"):
        shapes |= _linear(name, embedding, width)
    for index in range(config["num_layers"]):
        layer = f"transformer_blocks.{index}"
        shapes |= _norm(f"{layer}.norm1", width) | _norm(f"{layer}.norm3", width)
        shapes |= _queries_keys_values(f"{layer}.attn1", width, width)
        shapes |= _linear(f"{layer}.ff.net.0.proj", width, 4 * width)
        shapes |= _linear(f"{layer}.ff.net.2", 4 * width, width)
    return shapes | _norm("norm_out", width) | _linear("proj_to_clip_embeddings", width, embedding)


def text_projection(config: Config) -> Shapes:
    """Return the shapes of an `UnCLIPTextProjModel`."""
    clip, time = config["clip_embeddings_dim"], config["time_embed_dim"]
    context = config["cross_attention_dim"]
    return {
        "learned_classifier_free_guidance_embeddings": (clip,),
        **_linear("embedding_proj", clip, time),
        **_linear("clip_image_embeddings_project_to_time_embeddings", clip, time),
        **_linear("clip_extra_context_tokens_proj", clip, config["clip_extra_context_tokens"] * context),
        **_linear("encoder_hidden_states_proj", clip, context),
        **_norm("text_encoder_hidden_states_norm", context),
    }


def _resnet(name: str, inner: int, outer: int, config: Config) -> Shapes:
    """A UNet's resnets take a time embedding, an autoencoder's take none."""
    shapes = _norm(f"{name}.norm1", inner) | _conv(f"{name}.conv1", inner, outer)
    if "latent_channels" not in config:
        factor = 2 if config.get("resnet_time_scale_shift") == "scale_shift" else 1
        shapes |= _linear(f"{name}.time_emb_proj", 4 * config["block_out_channels"][0], factor * outer)
    shapes |= _norm(f"{name}.norm2", outer) | _conv(f"{name}.conv2", outer, outer)
    return shapes if inner == outer else shapes | _conv(f"{name}.conv_shortcut", inner, outer, 1)


def _sampler(name: str, kind: str, channels: int, config: Config) -> Shapes:
    if kind.startswith(("Resnet", "Simple")):
        return _resnet(name, channels, channels, config)
    return _conv(f"{name}.conv", channels, channels)


def _middle(name: str, kind: str, channels: int, config: Config) -> Shapes:
    attention = kind.removeprefix("UNetMidBlock2D") or "Attn"  # "Attn", "CrossAttn" or "SimpleCrossAttn"
    if not config.get("add_attention", True):
        attention = ""
    return {
        **_resnet(f"{name}.resnets.0", channels, channels, config),
        **_attention(f"{name}.attentions.0", attention, channels, config),
        **_resnet(f"{name}.resnets.1", channels, channels, config),
    }


def _attention(name: str, kind: str, channels: int, config: Config) -> Shapes:
    if kind.startswith("SimpleCrossAttn"):
        context = config["cross_attention_dim"]
        shapes = _norm(f"{name}.group_norm", channels) | _queries_keys_values(name, channels, channels)
        shapes |= _linear(f"{name}.add_k_proj", context, channels)
        return shapes | _linear(f"{name}.add_v_proj", context, channels)
    if kind.startswith("CrossAttn"):
        return _transformer(name, channels, config["cross_attention_dim"])
    if kind.startswith("Attn"):
        return _norm(f"{name}.group_norm", channels) | _queries_keys_values(name, channels, channels)
    return {}


def _transformer(name: str, width: int, context: int) -> Shapes:
    layer = f"{name}.transformer_blocks.0"
    return {
        **_norm(f"{name}.norm", width),
        **_conv(f"{name}.proj_in", width, width, 1),
        **_norm(f"{layer}.norm1", width),
        **_queries_keys_values(f"{layer}.attn1", width, width, bias=False),
        **_norm(f"{layer}.norm2", width),
        **_queries_keys_values(f"{layer}.attn2", width, context, bias=False),
        **_norm(f"{layer}.norm3", width),
        **_linear(f"{layer}.ff.net.0.proj", width, 8 * width),  # GEGLU: half of it gates the other half
        **_linear(f"{layer}.ff.net.2", 4 * width, width),
        **_conv(f"{name}.proj_out", width, width, 1),
    }


def _queries_keys_values(name: str, width: int, context: int, *, bias: bool = True) -> Shapes:
    return {
        **_linear(f"{name}.to_q", width, width, bias=bias),
        **_linear(f"{name}.to_k", context, width, bias=bias),
        **_linear(f"{name}.to_v", context, width, bias=bias),
        **_linear(f"{name}.to_out.0", width, width),
    }


def _norm(name: str, channels: int) -> Shapes:
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def _conv(name: str, inner: int, outer: int, kernel: int = 3) -> Shapes:
    return {f"{name}.weight": (outer, inner, kernel, kernel), f"{name}.bias": (outer,)}


def _linear(name: str, inner: int, outer: int, *, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (outer, inner)} | ({f"{name}.bias": (outer,)} if bias else {})
