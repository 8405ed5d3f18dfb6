"""What is checked and prepared before TFX starts, so that bad input is refused within seconds."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from albert_tfx.errors import InputError
from albert_tfx.options import DatasetOptions, TextsToScore
from pipelines.config import PipelineConfig

if TYPE_CHECKING:
    from albert_tfx.data.tfds_source import ResolvedDataset


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A run that can start.

    Attributes:
      config: The run, its reviews ready to be read and their schema in place.
      class_names: What the reviews are sorted into.
      num_examples: How many reviews each split has.
    """

    config: PipelineConfig
    class_names: tuple[str, ...]
    num_examples: dict[str, int]

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {split}" for split, count in self.num_examples.items())
        return f"reviews: {counts}; classes: {', '.join(self.class_names)}"


def prepare(config: PipelineConfig, arguments: argparse.Namespace) -> Prepared:
    """Gets everything in place that `config` names.

    Args:
      config: What `build_config` made of `arguments`.
      arguments: The options, for the user's own file.

    Raises:
      InputError: The output folder, the reviews, the encoder or the texts to score cannot be used.
    """
    _refuse_artifacts_without_metadata(config)
    from albert_tfx.release import served_versions

    served_versions.refuse_other_origins(config.serving, config.name)
    dataset = _from_file(config, arguments) if arguments.csv is not None else config.dataset
    config = _with_checked_encoder(config)

    from albert_tfx.data import schema, tfds_source

    resolved = tfds_source.resolve(dataset)
    served_versions.refuse_other_origins(config.serving, config.name, resolved.class_names)
    path = schema.write(schema.for_classes(resolved.class_names), f"{config.output}/schema")
    scoring = _texts_to_score(config, arguments, resolved) if arguments.score else None
    ready = dataclasses.replace(config, dataset=dataset, schema=str(path), scoring=scoring)
    return Prepared(ready, resolved.class_names, resolved.num_examples)


def _refuse_artifacts_without_metadata(config: PipelineConfig) -> None:
    """TFX would number its executions from 1 again, and mix new files with the old ones."""
    if Path(config.pipeline_root).exists() and not Path(config.metadata).exists():
        raise InputError(
            f"{config.pipeline_root} is there without {config.metadata}, which says what is in it",
            "Delete the folder, or give another one with --output DIR",
        )


def _from_file(config: PipelineConfig, arguments: argparse.Namespace) -> DatasetOptions:
    from albert_tfx.data.labelled_file import prepare_text_file

    prepared = prepare_text_file(
        arguments.csv,
        arguments.text_column,
        arguments.label_column,
        config.dataset.data_dir or f"{config.output}/datasets",
    )
    return dataclasses.replace(prepared, max_examples=config.dataset.max_examples)


def _texts_to_score(
    config: PipelineConfig, arguments: argparse.Namespace, dataset: "ResolvedDataset"
) -> TextsToScore:
    from albert_tfx.prediction import scoring

    root = Path(config.output, "scoring")
    file = Path(arguments.score).expanduser()
    if file.is_file():
        return scoring.from_file(file, arguments.text_column, root)
    return scoring.from_split(dataset, arguments.score, root)


def _with_checked_encoder(config: PipelineConfig) -> PipelineConfig:
    """Refuses models that do not fit, and puts into `config` what they really are."""
    from albert_tfx.modeling import encoder

    preprocessing = config.preprocessing
    encoder.check(
        config.embedding.encoder, preprocessing.preprocessor, preprocessing.sequence_length
    )
    of_encoder = encoder.fingerprint(config.embedding.encoder)
    return dataclasses.replace(
        config,
        preprocessing=dataclasses.replace(
            preprocessing,
            preprocessor_fingerprint=encoder.fingerprint(preprocessing.preprocessor),
        ),
        embedding=dataclasses.replace(config.embedding, encoder_fingerprint=of_encoder),
        frozen=dataclasses.replace(config.frozen, encoder_fingerprint=of_encoder),
        fine_tuned=dataclasses.replace(config.fine_tuned, encoder_fingerprint=of_encoder),
    )
