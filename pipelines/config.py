"""What one run is: everything that its components need to know."""

import dataclasses
from collections.abc import Sequence

from albert_tfx.contract import FINE_TUNED, FROZEN
from albert_tfx.options import (
    AnswerOptions,
    DatasetOptions,
    DuplicateOptions,
    EmbeddingOptions,
    PreprocessingOptions,
    ProductionPolicy,
    ReportOptions,
    SelectionPolicy,
    TextsToScore,
    TrainerOptions,
    YardstickOptions,
)
from pipelines.confinement import beam_flags
from pipelines.presets import IN_PROCESS
from pipelines.request import OutputFolder, Request


@dataclasses.dataclass(frozen=True)
class CustomJob:
    """A machine on Vertex AI that a Trainer rents for as long as it trains.

    Attributes:
      project: Google Cloud project that pays.
      region: The region of the machine, e.g. `europe-west4`.
      image: Container image with this project in it.
      machine_type: Compute Engine's name of the machine.
      accelerator_type: Vertex AI's name of the GPU, or empty for none.
      accelerator_count: GPUs in the machine.
      service_account: Account that the job acts as, or empty for Vertex AI's own.
    """

    project: str
    region: str
    image: str
    machine_type: str = "n1-standard-8"
    accelerator_type: str = ""
    accelerator_count: int = 0
    service_account: str = ""


@dataclasses.dataclass(frozen=True)
class PipelineConfig(OutputFolder):
    """One run of the pipeline, whole: nothing else decides what it computes.

    Attributes:
      name: The pipeline's name in ML Metadata; runs of one name share their cache.
      output: Folder that receives everything.
      schema: Path of the schema that the reviews must keep.
      dataset: Which reviews.
      duplicates: What becomes of those that repeat others.
      answers: What the exported models make of probabilities.
      yardstick: How the yardstick is trained.
      report_options: What the report tells besides what was found.
      preprocessing: How they become token ids.
      embedding: How the frozen encoder's vectors are made.
      frozen: The frozen model's training.
      fine_tuned: The fine-tuned model's training.
      policy: Which model wins.
      production_policy: Whether it replaces the model in production.
      beam_args: Flags for the Beam runner.
      scoring: Texts for the selected model to classify, or None.
      custom_job: Where the Trainers train, or None for where the other components run.
      command: What started the run, for the report; decides nothing.
    """

    name: str
    output: str
    schema: str
    dataset: DatasetOptions
    preprocessing: PreprocessingOptions
    embedding: EmbeddingOptions
    frozen: TrainerOptions
    fine_tuned: TrainerOptions
    policy: SelectionPolicy = dataclasses.field(default_factory=SelectionPolicy)
    production_policy: ProductionPolicy = dataclasses.field(default_factory=ProductionPolicy)
    duplicates: DuplicateOptions = dataclasses.field(default_factory=DuplicateOptions)
    answers: AnswerOptions = dataclasses.field(default_factory=AnswerOptions)
    yardstick: YardstickOptions = dataclasses.field(default_factory=YardstickOptions)
    report_options: ReportOptions = dataclasses.field(default_factory=ReportOptions)
    beam_args: tuple[str, ...] = IN_PROCESS
    scoring: TextsToScore | None = None
    custom_job: CustomJob | None = None
    command: str = ""


def build_config(
    request: Request,
    *,
    dataset: DatasetOptions,
    schema: str,
    output: str | None = None,
    encoder_fingerprint: str = "",
    preprocessor_fingerprint: str = "",
    scoring: TextsToScore | None = None,
    custom_job: CustomJob | None = None,
    beam_args: Sequence[str] = (),
) -> PipelineConfig:
    """Returns the run that was asked for, whole.

    Args:
      request: What was asked.
      dataset: The reviews, as they can be read.
      schema: Path of the schema that they must keep.
      output: Folder that receives everything; None for the one that was asked for.
      encoder_fingerprint: Hash of the encoder's files, where they can be read now.
      preprocessor_fingerprint: The same of the preprocessor's.
      scoring: Texts for the selected model to classify, or None.
      custom_job: Where the Trainers train, or None for where the other components run.
      beam_args: Flags for the Beam runner, beside those that were asked for.
    """
    encoder = {"encoder_fingerprint": encoder_fingerprint}
    return PipelineConfig(
        name=request.name,
        output=output or request.output,
        schema=schema,
        dataset=dataset,
        duplicates=request.of(DuplicateOptions),
        answers=request.of(AnswerOptions),
        yardstick=request.of(YardstickOptions),
        report_options=request.of(ReportOptions),
        preprocessing=request.of(
            PreprocessingOptions, preprocessor_fingerprint=preprocessor_fingerprint
        ),
        embedding=request.of(EmbeddingOptions, **encoder),
        frozen=request.of(TrainerOptions, FROZEN, **encoder),
        fine_tuned=request.of(TrainerOptions, FINE_TUNED, **encoder),
        policy=request.of(SelectionPolicy),
        production_policy=request.of(ProductionPolicy),
        beam_args=beam_flags.with_runner((*beam_args, *request.beam_args)),
        scoring=scoring,
        custom_job=custom_job,
        command=request.command,
    )
