"""What one run is: the components' options, put together, and the two presets."""

import dataclasses
import pathlib

from components import features
from components.options import (
    DatasetOptions,
    EmbeddingOptions,
    PreprocessingOptions,
    SelectionPolicy,
    TrainerOptions,
)

PROJECT = pathlib.Path(__file__).resolve().parent.parent
MINI_ENCODER = str(PROJECT / "assets" / "albert_en_mini")
MINI_PREPROCESSOR = str(PROJECT / "assets" / "albert_en_mini_preprocess")
BASE_ENCODER = "https://tfhub.dev/tensorflow/albert_en_base/3"
BASE_PREPROCESSOR = "https://tfhub.dev/tensorflow/albert_en_preprocess/3"


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """One run of the pipeline, whole: nothing else decides what it computes.

    Attributes:
      name: The pipeline's name in ML Metadata; runs of one name share their cache.
      output: Folder that receives everything.
      schema: Path of the schema that the reviews must keep.
      dataset: Which reviews.
      preprocessing: How they become token ids.
      embedding: How the frozen encoder's vectors are made.
      frozen: The frozen model's training.
      fine_tuned: The fine-tuned model's training.
      policy: Which model wins.
      beam_args: Flags for the Beam runner.
    """

    name: str
    output: str
    schema: str
    dataset: DatasetOptions
    preprocessing: PreprocessingOptions
    embedding: EmbeddingOptions
    frozen: TrainerOptions
    fine_tuned: TrainerOptions
    policy: SelectionPolicy = SelectionPolicy()
    beam_args: tuple[str, ...] = ("--runner=FnApiRunner",)

    @property
    def pipeline_root(self) -> str:
        """Where TFX keeps its artifacts."""
        return f"{self.output}/pipeline"

    @property
    def metadata(self) -> str:
        """The ML Metadata database."""
        return f"{self.output}/metadata.db"

    @property
    def serving(self) -> str:
        """Where the winner is pushed, one numbered folder a version."""
        return f"{self.output}/serving"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Training options that belong to an encoder's size.

    Attributes:
      frozen: Options of the frozen model's Trainer that differ from the defaults.
      fine_tuned: Options of the fine-tuned model's Trainer that differ from the defaults.
    """

    frozen: dict[str, float]
    fine_tuned: dict[str, float]


MINI_RECIPE = Recipe(
    frozen={"epochs": 20, "patience": 5, "head_learning_rate": 2e-3},
    fine_tuned={"epochs": 3, "head_learning_rate": 1e-3, "encoder_learning_rate": 5e-4},
)
BASE_RECIPE = Recipe(
    frozen={"epochs": 20, "patience": 5, "head_learning_rate": 2e-3},
    fine_tuned={"epochs": 2, "head_learning_rate": 1e-3, "encoder_learning_rate": 3e-5},
)


def trainer_options(model: str, recipe: Recipe, **options: object) -> TrainerOptions:
    """Returns `recipe`'s options for `model`, with `options` on top."""
    chosen = recipe.frozen if model == features.FROZEN else recipe.fine_tuned
    return TrainerOptions(model=model, **{**chosen, **options})  # type: ignore[arg-type]
