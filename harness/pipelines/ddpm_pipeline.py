"""The DDPM pipeline: ancestral sampling, which draws noise at every step."""

from __future__ import annotations

from harness.pipelines.errors import PipelineError
from harness.pipelines.models.unet2d import UNet2DModel
from harness.pipelines.randn import GeneratorArgument
from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.schedulers.ddpm import DDPMScheduler
from harness.pipelines.steps import StepCallback
from harness.pipelines.unconditional import ImagePipelineOutput, UnconditionalPipeline


class DDPMPipeline(UnconditionalPipeline):
    """Unconditional image generation with DDPM."""

    def __init__(self, unet: UNet2DModel, scheduler: DDPMScheduler) -> None:
        super().__init__(unet, scheduler)
        self._ddpm = scheduler

    @staticmethod
    def make_scheduler(config: SchedulerConfig) -> DDPMScheduler:
        """Build a DDPM scheduler; refuse a DDIM one, with which diffusers' DDPM pipeline would run DDIM."""
        if config.class_name != "DDPMScheduler":
            raise PipelineError(
                f"the checkpoint's scheduler is {config.class_name}: run it with the pipeline ddim, or make "
                "its model_index.json name DDPMScheduler"
            )
        return DDPMScheduler(config)

    def __call__(
        self,
        *,
        batch_size: int = 1,
        generator: GeneratorArgument = None,
        num_inference_steps: int = 1000,
        output_type: str = "np",
        callback_on_step_end: StepCallback | None = None,
    ) -> ImagePipelineOutput:
        """Generate ``batch_size`` images.

        ``generator`` is one numpy generator, or a list with one per image. ``callback_on_step_end(pipeline,
        step, timestep, {"latents": tensor})`` is called after every step, and the latents in what it returns
        replace those.

        Raises :class:`PipelineError` for arguments that cannot be honoured.
        """
        return self._sample(
            lambda prediction, timestep, latents: self._ddpm.step(
                prediction, timestep, latents, generator=generator
            ),
            batch_size=batch_size,
            generator=generator,
            num_inference_steps=num_inference_steps,
            output_type=output_type,
            callback_on_step_end=callback_on_step_end,
        )
