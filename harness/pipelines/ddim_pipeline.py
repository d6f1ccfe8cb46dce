"""The DDIM pipeline: images from noise, deterministic but for the noise that ``eta`` asks for."""

from __future__ import annotations

from harness.pipelines.errors import PipelineError
from harness.pipelines.models.unet2d import UNet2DModel
from harness.pipelines.randn import GeneratorArgument
from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.schedulers.ddim import DDIMScheduler
from harness.pipelines.steps import StepCallback
from harness.pipelines.unconditional import ImagePipelineOutput, UnconditionalPipeline


class DDIMPipeline(UnconditionalPipeline):
    """Unconditional image generation with DDIM; runs checkpoints of DDIM and of DDPM schedulers."""

    def __init__(self, unet: UNet2DModel, scheduler: DDIMScheduler) -> None:
        super().__init__(unet, scheduler)
        self._ddim = scheduler

    @staticmethod
    def make_scheduler(config: SchedulerConfig) -> DDIMScheduler:
        """Build a DDIM scheduler on the noise schedule of either class, as diffusers does."""
        return DDIMScheduler(config)

    def __call__(
        self,
        *,
        batch_size: int = 1,
        generator: GeneratorArgument = None,
        eta: float = 0.0,
        num_inference_steps: int = 50,
        use_clipped_model_output: bool | None = None,
        output_type: str = "np",
        callback_on_step_end: StepCallback | None = None,
    ) -> ImagePipelineOutput:
        """Generate ``batch_size`` images.

        ``generator`` is one numpy generator, or a list with one per image. ``eta`` from 0 to 1 scales the
        noise added at every step; with 0 only the initial noise is drawn. ``use_clipped_model_output``
        derives the predicted noise again from the clipped sample. ``callback_on_step_end(pipeline, step,
        timestep, {"latents": tensor})`` is called after every step, and the latents in what it returns
        replace those.

        Raises :class:`PipelineError` for arguments that cannot be honoured.
        """
        if isinstance(eta, bool) or not isinstance(eta, int | float) or not 0 <= eta <= 1:
            raise PipelineError(f"eta is {eta!r}: give a number from 0 (DDIM) to 1 (as much noise as DDPM)")
        return self._sample(
            lambda prediction, timestep, latents: self._ddim.step(
                prediction,
                timestep,
                latents,
                eta=eta,
                use_clipped_model_output=bool(use_clipped_model_output),
                generator=generator,
            ),
            batch_size=batch_size,
            generator=generator,
            num_inference_steps=num_inference_steps,
            output_type=output_type,
            callback_on_step_end=callback_on_step_end,
        )
