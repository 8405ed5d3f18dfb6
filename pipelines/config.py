"""What one run is: the components' options, put together, and the two presets."""

import argparse
import dataclasses
import hashlib
import os
import pathlib
import re
from typing import Any

from albert_tfx import contract
from albert_tfx.errors import InputError
from albert_tfx.options import (
    DatasetOptions,
    DuplicateOptions,
    EmbeddingOptions,
    PreprocessingOptions,
    ProductionPolicy,
    SelectionPolicy,
    TextsToScore,
    TrainerOptions,
)

PROJECT = pathlib.Path(__file__).resolve().parent.parent
CURATED_SCHEMA = str(PROJECT / "albert_tfx" / "data" / "schema.pbtxt")
ASSETS = PROJECT / "assets"
MINI_ENCODER = "asset://albert_en_mini"
MINI_PREPROCESSOR = "asset://albert_en_mini_preprocess"
BASE_ENCODER = "https://tfhub.dev/tensorflow/albert_en_base/3"
BASE_PREPROCESSOR = "https://tfhub.dev/tensorflow/albert_en_preprocess/3"
# Letters and digits, which a pipeline's name keeps, and separators, which all become its dashes.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ._/:*-]+")
_LONGEST_NAME = 63  # that TFX takes
_PREFIX = "albert-"
# Beam in this process. The image is never started: where none is named, TFX packs its own source
# into an archive for workers elsewhere, before each component, for longer than the component takes.
IN_PROCESS = ("--runner=FnApiRunner", "--sdk_container_image=unused")


@dataclasses.dataclass(frozen=True)
class CustomJob:
    """A machine on Vertex AI that a Trainer rents for as long as it trains.

    Attributes:
      project: Google Cloud project that pays.
      region: Where the machine stands, e.g. `europe-west4`.
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
class PipelineConfig:
    """One run of the pipeline, whole: nothing else decides what it computes.

    Attributes:
      name: The pipeline's name in ML Metadata; runs of one name share their cache.
      output: Folder that receives everything.
      schema: Path of the schema that the reviews must keep.
      dataset: Which reviews.
      duplicates: What becomes of those that repeat others.
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
    beam_args: tuple[str, ...] = IN_PROCESS
    scoring: TextsToScore | None = None
    custom_job: CustomJob | None = None
    command: str = ""

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

    @property
    def predictions(self) -> str:
        """Where the classes of `scoring` are written."""
        return f"{self.output}/predictions"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Training options that belong to an encoder's size, and to what it reads.

    Attributes:
      frozen: Options of the frozen model's Trainer that differ from the defaults.
      fine_tuned: Options of the fine-tuned model's Trainer that differ from the defaults.
    """

    frozen: dict[str, float]
    fine_tuned: dict[str, float]


# benchmarks/README.md has what chose these; benchmarks/recipes.py measures each choice anew.
MINI_RECIPE = Recipe(
    frozen={"epochs": 20, "patience": 5, "head_learning_rate": 2e-3},
    fine_tuned={
        "epochs": 2,
        "batch_size": 16,
        "dropout": 0.0,
        "head_learning_rate": 2e-3,
        "encoder_learning_rate": 3e-4,
    },
)
# Few reviews, whose verdict lies in how a few sentences are joined: only a high rate learns that.
SAMPLE_RECIPE = Recipe(
    frozen=MINI_RECIPE.frozen,
    fine_tuned={**MINI_RECIPE.fine_tuned, "encoder_learning_rate": 1e-3},
)
BASE_RECIPE = Recipe(
    frozen={"epochs": 20, "patience": 5, "head_learning_rate": 2e-3},
    fine_tuned={"epochs": 2, "head_learning_rate": 1e-3, "encoder_learning_rate": 3e-5},
)


def trainer_options(model: str, recipe: Recipe, **options: object) -> TrainerOptions:
    """Returns `recipe`'s options for `model`, with `options` on top."""
    chosen = recipe.frozen if model == contract.FROZEN else recipe.fine_tuned
    return TrainerOptions(model=model, **{**chosen, **options})  # type: ignore[arg-type]


@dataclasses.dataclass(frozen=True)
class Preset:
    """Where the options that were not given come from.

    Attributes:
      purpose: What it is for, in a few words.
      dataset: Which reviews.
      encoder: TF Hub handle or folder of the text encoder.
      preprocessor: TF Hub handle or folder of its text preprocessing model.
      sequence_length: Most tokens of a review.
    """

    purpose: str
    dataset: DatasetOptions
    encoder: str
    preprocessor: str
    sequence_length: int = 256


PRESETS = {
    "sample": Preset(
        purpose="the reviews and the small ALBERT in assets, offline, in minutes",
        dataset=DatasetOptions(),
        encoder=MINI_ENCODER,
        preprocessor=MINI_PREPROCESSOR,
        sequence_length=96,
    ),
    "imdb": Preset(
        purpose="the 50,000 reviews of imdb_reviews and ALBERT-base from TF Hub",
        dataset=DatasetOptions(name="imdb_reviews"),
        encoder=BASE_ENCODER,
        preprocessor=BASE_PREPROCESSOR,
    ),
}


def build_config(arguments: argparse.Namespace) -> PipelineConfig:
    """Puts a run together from the options of `pipelines.command_line.add_options`.

    Nothing has been looked at yet: `schema` is the curated one, of two classes, and `dataset` is
    the preset's where `--csv` names a file. `pipelines.local.preflight.prepare` puts that right.

    Raises:
      InputError: An option is out of its bounds, or does not go with another.
    """
    preset = PRESETS[arguments.preset]
    encoder, preprocessor = _encoder_pair(arguments, preset)
    dataset = _dataset(arguments, preset)
    recipe = recipe_of(encoder, arguments.csv or dataset.name)
    output = local_output(arguments.output)
    sequence_length = _first(arguments.sequence_length, preset.sequence_length)
    text = {"sequence_length": sequence_length, **_given(pooling=arguments.pooling)}
    training = {
        "encoder": encoder,
        **text,
        **_given(batch_size=arguments.batch_size, seed=arguments.seed),
    }
    return PipelineConfig(
        name=_pipeline_name(pathlib.Path(arguments.csv).stem if arguments.csv else dataset.name),
        output=output,
        schema=CURATED_SCHEMA,
        dataset=dataset,
        duplicates=DuplicateOptions(keep=arguments.keep_duplicates),
        preprocessing=PreprocessingOptions(
            preprocessor, sequence_length, **_given(truncation=arguments.truncation)
        ),
        embedding=EmbeddingOptions(encoder, **text, **_given(xla=arguments.xla)),
        frozen=trainer_options(
            contract.FROZEN,
            recipe,
            **training,
            **_given(
                epochs=arguments.frozen_epochs, head_learning_rate=arguments.frozen_learning_rate
            ),
        ),
        fine_tuned=trainer_options(
            contract.FINE_TUNED,
            recipe,
            **training,
            **_given(
                epochs=arguments.fine_tuned_epochs,
                gradient_accumulation=arguments.gradient_accumulation,
                xla=arguments.xla,
                precision=arguments.precision,
                encoder_learning_rate=arguments.fine_tuned_learning_rate,
            ),
        ),
        policy=SelectionPolicy(
            **_given(
                min_gain=arguments.min_gain,
                max_slice_loss=arguments.max_slice_loss,
                min_accuracy=arguments.min_accuracy,
            )
        ),
        production_policy=ProductionPolicy(
            **_given(max_production_loss=arguments.max_production_loss)
        ),
        beam_args=_beam_args(arguments.beam_arg),
    )


def recipe_of(encoder: str, reviews: str) -> Recipe:
    """Returns how to train with `encoder` on `reviews`, a data set's name or a file."""
    if encoder != MINI_ENCODER:
        return BASE_RECIPE
    return SAMPLE_RECIPE if reviews == DatasetOptions().name else MINI_RECIPE


def _beam_args(given: list[str]) -> tuple[str, ...]:
    """Returns `given`, in this process where they name no runner of their own."""
    names_runner = any(argument.startswith("--runner") for argument in given)
    return tuple(given) if names_runner else (*IN_PROCESS, *given)


def _dataset(arguments: argparse.Namespace, preset: Preset) -> DatasetOptions:
    options = _given(
        name=_prepared_folder(arguments.dataset),
        train_split=arguments.train_split,
        eval_split=arguments.eval_split,
        test_split=arguments.test_split,
        text_feature=arguments.text_feature,
        label_feature=arguments.label_feature,
    )
    columns = _given(text_column=arguments.text_column, label_column=arguments.label_column)
    if arguments.csv is not None and options:
        raise InputError(f"--csv does not go with {_flag(options)}", "Give one of the two")
    if columns and arguments.csv is None and not (arguments.score and "text_column" in columns):
        raise InputError(f"{_flag(columns)} needs --csv", "Name the file with --csv PATH")
    data_dir = None if arguments.data_dir is None else _absolute(arguments.data_dir)
    limits = _given(data_dir=data_dir, max_examples=arguments.max_examples)
    return dataclasses.replace(preset.dataset, **options, **limits)


def _prepared_folder(name: str | None) -> str | None:
    """Returns the absolute path where `name` is a prepared data set's folder."""
    if name is not None and pathlib.Path(_absolute(name), "dataset_info.json").exists():
        return _absolute(name)
    return name


def _flag(options: dict[str, Any]) -> str:
    name = next(iter(options))
    return "--dataset" if name == "name" else f"--{name.replace('_', '-')}"


def _encoder_pair(arguments: argparse.Namespace, preset: Preset) -> tuple[str, str]:
    if arguments.encoder is None:
        return preset.encoder, _handle(_first(arguments.preprocessor, preset.preprocessor))
    encoder = _handle(arguments.encoder)
    if "://" not in encoder and not pathlib.Path(encoder).is_dir():
        raise InputError(
            f"There is no encoder folder {arguments.encoder!r}",
            "Give the folder that holds saved_model.pb, or a TF Hub or Kaggle URL",
        )
    preprocessor = arguments.preprocessor or _preprocessor_of(encoder)
    if preprocessor is None:
        raise InputError(
            f"nothing is known of the preprocessor of {arguments.encoder!r}",
            "Name it with --preprocessor HANDLE",
        )
    return encoder, _handle(preprocessor)


def _preprocessor_of(encoder: str) -> str | None:
    """Returns the preprocessor that belongs to `encoder`, or None where nothing says which."""
    if re.fullmatch(r"https://tfhub\.dev/tensorflow/albert_en_(x{0,2}large|base)/\d+", encoder):
        return BASE_PREPROCESSOR
    if encoder == MINI_ENCODER:
        return MINI_PREPROCESSOR
    folder = pathlib.Path(encoder)
    for name in (f"{folder.name}_preprocess", "albert_en_preprocess"):
        if folder.is_dir() and (folder.parent / name).is_dir():
            return str(folder.parent / name)
    return None


def _pipeline_name(reviews: str) -> str:
    """Returns a name of its own for each set of reviews, as each has its own classes.

    Vertex AI and Kubeflow take small letters, digits and dashes. Where these are not enough to tell
    `reviews` from others, a hash of it is added.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", reviews.lower()).strip("-")
    longest = _LONGEST_NAME - len(_PREFIX)
    if not slug or len(slug) > longest or not _PLAIN_NAME.fullmatch(reviews):
        slug += f"-{hashlib.sha256(os.fsencode(reviews)).hexdigest()[:8]}"
    return f"{_PREFIX}{slug[-longest:].strip('-')}"


def _handle(handle: str) -> str:
    folder = pathlib.Path(_absolute(handle))
    if not folder.is_dir():
        return handle
    return f"asset://{folder.name}" if folder.parent == ASSETS else str(folder)


def local_output(folder: str) -> str:
    """Returns the absolute path of what `--output` names.

    Raises:
      InputError: It is in a bucket.
    """
    if "://" in folder:
        raise InputError(
            f"--output {folder} is not on this machine, to which a run here writes",
            "Give a folder, or write to a bucket with kubeflow_runner.py submit --output-root",
        )
    return _absolute(folder)


def _absolute(path: str) -> str:
    """Returns `path` as seen from any folder, so that the cache holds when run from another."""
    if "://" in path:
        return path
    expanded = os.path.expanduser(path)  # noqa: PTH111  pathlib's raises for an unknown user
    return str(pathlib.Path(expanded).resolve())


def _first(given: Any, default: Any) -> Any:
    return default if given is None else given


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
