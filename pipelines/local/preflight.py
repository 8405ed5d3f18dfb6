"""What is checked and prepared before TFX starts, so that bad input is refused within seconds."""

import contextlib
import dataclasses
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from albert_tfx.contract import LABEL, SUMMARY_FILE, TEXT
from albert_tfx.encoders.fetching.handles import ASSET_SCHEME
from albert_tfx.errors import InputError
from albert_tfx.options import (
    DatasetOptions,
    EmbeddingOptions,
    PreprocessingOptions,
    TextsToScore,
)
from pipelines.config import PipelineConfig, build_config
from pipelines.confinement import memory
from pipelines.request import Request

if TYPE_CHECKING:
    from albert_tfx.data.tfds_source import ResolvedDataset
    from albert_tfx.encoders.resolution import Description


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A run that can start.

    Attributes:
      config: The run, its reviews ready to be read and their schema in place.
      encoder: What is known of its encoder.
      class_names: What the reviews are sorted into.
      num_examples: How many reviews each split has.
      remarks: What to tell the user besides.
    """

    config: PipelineConfig
    encoder: "Description"
    class_names: tuple[str, ...]
    num_examples: dict[str, int]
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {split}" for split, count in self.num_examples.items())
        reviews = f"reviews: {counts}; classes: {', '.join(self.class_names)}"
        memory_line = memory.describe(self.encoder.parameters)
        return "\n".join((f"encoder: {self.encoder}", *self.remarks, memory_line, reviews))


def prepare(request: Request) -> Prepared:
    """Gets everything in place that a request names, and configures the run.

    Raises:
      InputError: The output folder, the reviews, the encoder or the texts to score cannot be used.
    """
    _refuse_what_is_not_ours(request)
    _refuse_artifacts_without_metadata(request)
    from albert_tfx.release import production

    production.refuse_other_origins(request.serving, request.name)
    if request.csv is not None:
        _read_first_row(request, request.csv)
    encoder, preprocessor = _checked_models(request)
    dataset = request.of(DatasetOptions)
    if request.csv is not None:
        dataset = _from_file(request, request.csv, dataset)

    from albert_tfx.data import schema, tfds_source

    resolved = tfds_source.resolve(dataset)
    production.refuse_other_origins(request.serving, request.name, resolved.class_names)
    path = schema.write(schema.for_classes(resolved.class_names), f"{request.output}/schema")
    config = build_config(
        request,
        dataset=dataset,
        schema=str(path),
        scoring=_texts_to_score(request, resolved),
        encoder_fingerprint=encoder.fingerprint,
        preprocessor_fingerprint=preprocessor,
    )
    return Prepared(
        config,
        encoder,
        resolved.class_names,
        resolved.num_examples,
        tuple(_pin(request.options["encoder"])),
    )


def _pin(encoder: str) -> Iterator[str]:
    """Yields how to have the very same encoder again, where it does not come with this code."""
    if not encoder.startswith(ASSET_SCHEME):
        from albert_tfx.encoders import resolution

        yield f"to pin it: --encoder {encoder}@sha256:{resolution.digest_of(encoder)}"


def _refuse_what_is_not_ours(request: Request) -> None:
    """Refuses an output folder in which a run would replace what somebody else put there."""
    report = Path(request.report)
    is_ours = not report.is_symlink() and (report / SUMMARY_FILE).is_file()
    if os.path.lexists(report) and not is_ours and not _is_empty_folder(report):
        raise InputError(
            f"{report} is not the report of an earlier run, which this run would replace",
            "Move it away, or give another folder with --output DIR",
        )
    for folder in (request.serving, request.pipeline_root, request.predictions):
        if os.path.lexists(folder) and not Path(folder).is_dir():
            raise InputError(
                f"{folder} is no folder",
                "Move it away, or give another folder with --output DIR",
            )


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _refuse_artifacts_without_metadata(request: Request) -> None:
    """TFX would number its executions from 1 again, and mix new files with the old ones.

    Raises:
      InputError: The metadata is gone, or is no whole database.
    """
    artifacts, metadata = request.pipeline_root, request.metadata
    if Path(metadata).exists() and not _is_whole_database(metadata):
        raise InputError(
            f"{metadata}, which says what is in {artifacts}, is damaged",
            f"Delete both to start anew: {request.serving} keeps what it serves, but the next "
            "model is not compared with it",
        )
    if Path(artifacts).exists() and not Path(metadata).exists():
        raise InputError(
            f"{artifacts} is there without {metadata}, which says what is in it",
            "Delete the folder, or give another one with --output DIR",
        )


def _is_whole_database(path: str) -> bool:
    uri = f"{Path(path).absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            checked = database.execute("PRAGMA quick_check").fetchone()
            tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return False
    return bool(checked == ("ok",) and tables != (0,))


def _read_first_row(request: Request, csv: str) -> None:
    """Refuses a file that is missing, or lacks a column, before models are fetched."""
    from albert_tfx.data import text_files

    path = Path(csv).expanduser()
    if not path.is_fifo():  # which can be read only once
        columns = {TEXT: request.text_column, LABEL: request.label_column}
        next(text_files.rows(path, columns), None)


def _from_file(request: Request, csv: str, asked: DatasetOptions) -> DatasetOptions:
    """Returns the data set that the user's own file becomes."""
    from albert_tfx.data.labelled_file import prepare_text_file

    folder = asked.data_dir or f"{request.output}/datasets"
    prepared = prepare_text_file(csv, request.text_column, request.label_column, folder)
    return dataclasses.replace(prepared, max_examples=asked.max_examples)


def _checked_models(request: Request) -> "tuple[Description, str]":
    """Refuses models that do not fit; returns the encoder's facts, and the preprocessor's hash."""
    from albert_tfx.encoders import resolution

    preprocessing, embedding = request.of(PreprocessingOptions), request.of(EmbeddingOptions)
    for handle in (embedding.encoder, preprocessing.preprocessor):
        resolution.inspect(handle)
    for key, digest in request.pins.items():
        resolution.require_digest(request.options[key], digest)
    from albert_tfx.modeling import encoder

    known = encoder.check(
        embedding.encoder,
        preprocessing.preprocessor,
        preprocessing.sequence_length,
        embedding.pooling,
    )
    return known, resolution.fingerprint_of(preprocessing.preprocessor)


def _texts_to_score(request: Request, dataset: "ResolvedDataset") -> TextsToScore | None:
    if not request.score:
        return None
    from albert_tfx.data import text_files
    from albert_tfx.prediction import scoring

    root = Path(request.output, "scoring")
    file = Path(request.score).expanduser()
    if file.is_file():
        # The column of a file to learn from says nothing of a file with one text a line.
        is_plain = request.csv is not None and not text_files.has_columns(file)
        return scoring.from_file(file, None if is_plain else request.text_column, root)
    return scoring.from_split(dataset, request.score, root)
