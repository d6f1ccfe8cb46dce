"""Pipelines of mindone that take more than `from_pretrained`, which is all that a case can ask for."""

from __future__ import annotations

from typing import Any


def k_diffusion(checkpoint: str, dtype: str, _mode: str) -> Any:
    """Return Stable Diffusion with k-diffusion's samplers, which are chosen by name."""
    return _sampled(_load("StableDiffusionKDiffusionPipeline", checkpoint, dtype))


def k_diffusion_xl(checkpoint: str, dtype: str, _mode: str) -> Any:
    """Return Stable Diffusion XL with k-diffusion's samplers."""
    return _sampled(_load("StableDiffusionXLKDiffusionPipeline", checkpoint, dtype))


def allegro(checkpoint: str, dtype: str, _mode: str) -> Any:
    """Return Allegro, whose autoencoder decodes in tiles alone."""
    pipeline = _load("AllegroPipeline", checkpoint, dtype)
    pipeline.vae.enable_tiling()
    return pipeline


def depth2img(checkpoint: str, dtype: str, _mode: str) -> Any:
    """Return Stable Diffusion with a picture's depth, prepared by transformers: mindone 0.5.0's own fails."""
    from transformers import DPTImageProcessor

    pipeline = _load("StableDiffusionDepth2ImgPipeline", checkpoint, dtype, feature_extractor=None)
    # Past from_pretrained, which takes none but mindone's.
    pipeline.feature_extractor = DPTImageProcessor.from_pretrained(f"{checkpoint}/feature_extractor")
    return pipeline


def text_to_video_zero(checkpoint: str, dtype: str, _mode: str) -> Any:
    """Return Text2Video-Zero without a safety checker, which its class does not say that it can lack."""
    absent = {"safety_checker": None, "feature_extractor": None}
    return _load("TextToVideoZeroPipeline", checkpoint, dtype, **absent)


def if_img2img_super_resolution(checkpoint: str, dtype: str, _mode: str) -> Any:
    """Return DeepFloyd IF's super-resolution without a watermarker, likewise."""
    return _load("IFImg2ImgSuperResolutionPipeline", checkpoint, dtype, watermarker=None)


def wuerstchen_decoder(checkpoint: str, dtype: str, _mode: str) -> Any:
    """Return Wuerstchen's decoder, whose network mindone 0.5.0 cannot load by itself."""
    return _load("WuerstchenDecoderPipeline", checkpoint, dtype, decoder=_diff_next(f"{checkpoint}/decoder"))


def wuerstchen_combined(checkpoint: str, dtype: str, _mode: str) -> Any:
    """Return Wuerstchen's prior and decoder, of which the latter's network is loaded here, too."""
    return _load("WuerstchenCombinedPipeline", checkpoint, dtype, decoder=_diff_next(f"{checkpoint}/decoder"))


def _diff_next(folder: str) -> Any:
    """Return the network in ``folder``: from_pretrained initialises parameters that have no values yet."""
    import mindspore as ms
    from mindone.diffusers.pipelines.wuerstchen import WuerstchenDiffNeXt

    network = WuerstchenDiffNeXt.from_config(WuerstchenDiffNeXt.load_config(folder))
    weights = ms.load_checkpoint(f"{folder}/diffusion_pytorch_model.safetensors", format="safetensors")
    missing, unknown = ms.load_param_into_net(network, weights)
    if missing or unknown:
        raise ValueError(f"{folder}: not the parameters of its network: {missing or unknown}")
    return network.set_train(False)


def _sampled(pipeline: Any) -> Any:
    # Euler's would draw noise that no seed decides, and multiply it by nothing.
    pipeline.set_scheduler("sample_dpmpp_2m")
    return pipeline


def _load(name: str, checkpoint: str, dtype: str, **components: Any) -> Any:
    import mindspore as ms
    from mindone import diffusers

    pipeline = getattr(diffusers, name).from_pretrained(
        checkpoint,
        mindspore_dtype=getattr(ms, dtype),
        use_safetensors=True,
        local_files_only=True,
        **components,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
