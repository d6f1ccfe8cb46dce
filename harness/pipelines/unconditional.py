"""The DDIM and DDPM pipelines: loading, compiling, and the loop from noise to images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import mindspore as ms
import numpy as np
import numpy.typing as npt
from mindspore import Tensor

from harness.pipelines.checkpoints import ResolvedCheckpoint, SeededCheckpoint, resolve
from harness.pipelines.class_labels import ClassLabels, labels_of_batch
from harness.pipelines.errors import PipelineError
from harness.pipelines.folder import DiffusersFolder
from harness.pipelines.hub import download
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.unet2d import UNet2DModel
from harness.pipelines.randn import GeneratorArgument, randn_tensor
from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.schedulers.sampling import DDIMScheduler, DDPMScheduler, SchedulerOutput
from harness.pipelines.schedulers.schedule import NoiseSchedule
from harness.pipelines.steps import StepCallback

Step = Callable[[Tensor, int, Tensor], SchedulerOutput]
AnyPipeline = TypeVar("AnyPipeline", bound="UnconditionalPipeline")


@dataclass(frozen=True)
class ImagePipelineOutput:
    """The result of a pipeline: ``images`` is float32 ``[n, height, width, channels]`` in [0, 1]."""

    images: npt.NDArray[np.float32]


class UnconditionalPipeline(ABC):
    """A UNet, a scheduler and the loop that turns noise into images.

    ``checkpoint_files`` maps the path of each file of the loaded checkpoint to its sha256.
    """

    def __init__(self, unet: UNet2DModel, scheduler: NoiseSchedule) -> None:
        config = unet.config
        if config.sample_size is None:
            raise PipelineError(
                "the UNet's config.json has no sample_size: it says how large the images are, add it"
            )
        self._check_channels(config, scheduler)
        size = config.sample_size
        self._image_shape = (config.in_channels, *(size if isinstance(size, tuple) else (size, size)))
        self._predict: Callable[..., Tensor] = unet
        self.unet = unet
        self.scheduler = scheduler
        self.checkpoint_files: dict[str, str] = {}

    def _check_channels(self, config: UNet2DConfig, scheduler: NoiseSchedule) -> None:  # noqa: ARG002
        """Refuse a model that gives other channels than it takes."""
        if config.out_channels != config.in_channels:
            raise PipelineError(
                f"the UNet takes {config.in_channels} channels and gives {config.out_channels}: only the "
                "pipeline ddpm, with a scheduler of variance_type learned or learned_range, takes variances "
                "from a model"
            )

    @staticmethod
    @abstractmethod
    def make_scheduler(config: SchedulerConfig) -> NoiseSchedule:
        """Build the pipeline's scheduler from a checkpoint's configuration; refuse an unsupported one."""

    @classmethod
    def from_pretrained(
        cls: type[AnyPipeline],
        checkpoint: str | Path,
        *,
        revision: str | None = None,
        mindspore_dtype: ms.Type | None = None,
    ) -> AnyPipeline:
        """Load a folder in diffusers' layout, ``builtin:NAME``, ``seeded:NAME`` or a Hub's ``owner/name``.

        ``revision`` is a branch, tag or commit on the Hub. ``mindspore_dtype`` is ``mindspore.float32`` (the
        default), ``mindspore.float16`` or ``mindspore.bfloat16``. Raises :class:`CheckpointError` or
        :class:`PipelineError`.
        """
        name = str(checkpoint)
        if Path(name).is_dir():
            found = ResolvedCheckpoint(folder=Path(name))
        elif ":" in name or name.count("/") != 1:
            found = resolve(name, Path())
        else:
            folder, commit = download(name, revision)
            found = ResolvedCheckpoint(folder=folder, revision=commit)
        return cls.from_checkpoint(found.open(), mindspore_dtype or ms.float32)

    @classmethod
    def from_checkpoint(
        cls: type[AnyPipeline], checkpoint: DiffusersFolder | SeededCheckpoint, dtype: ms.Type
    ) -> AnyPipeline:
        """Build the pipeline in ``dtype`` and load its weights; cheap checks come first."""
        scheduler = cls.make_scheduler(checkpoint.scheduler_config())
        pipeline = cls(UNet2DModel(checkpoint.unet_config(), dtype), scheduler)
        pipeline.checkpoint_files = checkpoint.load_into(pipeline.unet)
        return pipeline

    def compile(self, **settings: Any) -> None:
        """Run the UNet in graph mode from now on; the first call with each batch size compiles it.

        ``settings`` are those of ``mindspore.jit``. Raises :class:`PipelineError` if it does not take them.
        """
        try:
            self._predict = ms.jit(self.unet, **settings)
        except (TypeError, ValueError) as error:
            raise PipelineError(
                f"MindSpore {ms.__version__} does not take the settings {settings} of jit: {error}"
            ) from None

    def _sample(
        self,
        step: Step,
        batch_size: int,
        generator: GeneratorArgument,
        num_inference_steps: int,
        output_type: str,
        callback_on_step_end: StepCallback | None,
        class_labels: ClassLabels,
    ) -> ImagePipelineOutput:
        """Draw noise, denoise it with ``step`` and return the images."""
        if output_type != "np":
            raise PipelineError(f"output_type {output_type!r} is not supported: the images come as 'np'")
        if batch_size < 1:
            raise PipelineError(f"batch_size is {batch_size}: give 1 or more")
        # Unlike randn_tensor, the pipelines do not accept a list of one generator for a larger batch, because
        # its images would not be those of their own seeds. diffusers and mindone do the same.
        if isinstance(generator, list) and len(generator) != batch_size:
            raise PipelineError(
                f"{len(generator)} generators for a batch of {batch_size}: "
                "give one per image, or a single one"
            )
        labels = labels_of_batch(self.unet.config, class_labels, batch_size)
        self.scheduler.set_timesteps(num_inference_steps)
        latents = randn_tensor((batch_size, *self._image_shape), generator, self.unet.dtype)
        for i, timestep in enumerate(self.scheduler.timesteps):
            prediction = self._predict(latents, Tensor(timestep, ms.int64), *labels)
            latents = step(prediction, timestep, latents).prev_sample
            if callback_on_step_end is not None:
                changed = callback_on_step_end(self, i, timestep, {"latents": latents})
                latents = changed.get("latents", latents)
        return ImagePipelineOutput(_to_images(latents))


class DDIMPipeline(UnconditionalPipeline):
    """Unconditional image generation with DDIM; runs checkpoints with a DDIM or DDPM scheduler."""

    scheduler: DDIMScheduler

    @staticmethod
    def make_scheduler(config: SchedulerConfig) -> DDIMScheduler:
        """Build a DDIM scheduler from the configuration of either class, as diffusers does."""
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
        class_labels: ClassLabels = None,
    ) -> ImagePipelineOutput:
        """Generate ``batch_size`` images.

        ``generator`` is one numpy generator, or a list with one per image. ``eta``, from 0 to 1, scales the
        noise added at every step; with 0 only the initial noise is drawn. ``use_clipped_model_output``
        derives the predicted noise again from the clipped sample. ``callback_on_step_end(pipeline, step,
        timestep, {"latents": tensor})`` is called after every step, and latents in its result replace the
        current ones. ``class_labels``, for a model that is conditioned on a class, is one label for all
        images, or a list with one per image: a class, a number (``class_embed_type: timestep``) or a vector
        (``identity``). Raises :class:`PipelineError` for arguments that cannot be honoured.
        """
        if isinstance(eta, bool) or not isinstance(eta, int | float) or not 0 <= eta <= 1:
            raise PipelineError(f"eta is {eta!r}: give a number from 0 (DDIM) to 1 (as much noise as DDPM)")
        clipped = bool(use_clipped_model_output)
        step = partial(self.scheduler.step, eta=eta, use_clipped_model_output=clipped, generator=generator)
        return self._sample(
            step, batch_size, generator, num_inference_steps, output_type, callback_on_step_end, class_labels
        )


class DDPMPipeline(UnconditionalPipeline):
    """Unconditional image generation with DDPM."""

    scheduler: DDPMScheduler

    def _check_channels(self, config: UNet2DConfig, scheduler: NoiseSchedule) -> None:
        """Refuse a model and a scheduler of which one predicts variances and the other does not."""
        if not scheduler.config.learns_variance:
            super()._check_channels(config, scheduler)
        elif config.out_channels != 2 * config.in_channels:
            raise PipelineError(
                f"the scheduler's variance_type is {scheduler.config.variance_type!r}, for which the UNet "
                f"must give {2 * config.in_channels} channels; it gives {config.out_channels}"
            )

    @staticmethod
    def make_scheduler(config: SchedulerConfig) -> DDPMScheduler:
        """Build a DDPM scheduler; refuse DDIM's, with which diffusers' DDPM pipeline would run DDIM."""
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
        class_labels: ClassLabels = None,
    ) -> ImagePipelineOutput:
        """Generate ``batch_size`` images; arguments and errors are those of :class:`DDIMPipeline`."""
        step = partial(self.scheduler.step, generator=generator)
        return self._sample(
            step, batch_size, generator, num_inference_steps, output_type, callback_on_step_end, class_labels
        )


def _to_images(latents: Tensor) -> npt.NDArray[np.float32]:
    """Map latents [n, c, h, w] from [-1, 1] to float32 images [n, h, w, c] in [0, 1]; NaN stays NaN.

    Computed on the host, so that the last operations give the same bits on every device.
    """
    samples: npt.NDArray[np.float32] = latents.astype(ms.float32).asnumpy()
    images = np.clip(samples / np.float32(2) + np.float32(0.5), np.float32(0), np.float32(1))
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))
