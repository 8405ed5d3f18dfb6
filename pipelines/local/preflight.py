"""What is checked and prepared before TFX starts, so that bad input is refused within seconds."""

import contextlib
import dataclasses
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_tfx.contract import FINE_TUNED, SUMMARY_FILE, TRAIN
from albert_tfx.encoders.fetching.handles import ASSET_SCHEME
from albert_tfx.errors import InputError
from albert_tfx.options import (
    ACCURACY_METRIC,
    FLOAT32,
    AnswerOptions,
    DatasetOptions,
    EmbeddingOptions,
    FileOptions,
    PreprocessingOptions,
    ReportOptions,
    SelectionPolicy,
    TextsToScore,
    TrainerOptions,
)
from pipelines import encoder_choice
from pipelines.config import PipelineConfig, build_config
from pipelines.confinement import memory
from pipelines.request import Request

if TYPE_CHECKING:
    from albert_tfx.data.files.columns import Table
    from albert_tfx.data.tfds_source import ResolvedDataset
    from albert_tfx.encoders.resolution import Description


# Classes are skewed where the rarest has less than this part of an equal share.
_SKEW = 1 / 3
_MOST_COUNTED = 20_000  # training reviews
_MOST_NAMED = 6  # classes
_SHOWN_CLASSES, _SHOWN_LETTERS = 20, 60


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A run that can start.

    Attributes:
      config: The run, its reviews ready to be read and their schema in place.
      encoder: What is known of its encoder.
      class_names: What the reviews are sorted into, in the order in which they are shown.
      num_examples: How many reviews each split has.
      remarks: What to tell the user besides.
      dataset: The reviews, resolved.
      label_counts: How many of the first training reviews each class has; empty where they were
        not counted.
    """

    config: PipelineConfig
    encoder: "Description"
    class_names: tuple[str, ...]
    num_examples: dict[str, int]
    remarks: tuple[str, ...] = ()
    dataset: "ResolvedDataset | None" = None
    label_counts: dict[str, int] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {split}" for split, count in self.num_examples.items())
        names = ", ".join(map(_cut, self.class_names[:_SHOWN_CLASSES]))
        more = len(self.class_names) - _SHOWN_CLASSES
        classes = names if more <= 0 else f"{names} and {more:,} more"
        reviews = f"texts: {counts}; classes: {classes}"
        memory_line = memory.describe(self.encoder.parameters)
        lines = (f"encoder: {self.encoder}", *self.remarks, memory_line, reviews, self._skew())
        return "\n".join(filter(None, lines))

    def _skew(self) -> str:
        """Returns what to know where the accuracy hardly counts a class; empty otherwise."""
        counts, total = self.label_counts, sum(self.label_counts.values())
        rarest = min(counts, key=counts.__getitem__, default="")
        is_skewed = bool(counts) and len(counts) * counts[rarest] < _SKEW * total
        if not is_skewed or self.config.policy.metric != ACCURACY_METRIC:
            return ""
        shares = ", ".join(
            f"{name} {count / total:.1%}"
            for name, count in sorted(counts.items(), key=lambda each: -each[1])[:_MOST_NAMED]
        )
        others = "" if len(counts) <= _MOST_NAMED else f", … {rarest} {counts[rarest] / total:.1%}"
        return (
            f"skewed classes: {shares}{others}. The accuracy hardly counts {rarest}: see --metric "
            "macro_f1 or recall:CLASS, and --class-weights balanced"
        )


def prepare(request: Request) -> Prepared:
    """Gets everything in place that a request names, and configures the run.

    Raises:
      InputError: The output folder, the reviews, the encoder or the texts to score cannot be used.
    """
    _refuse_what_is_not_ours(request)
    _refuse_artifacts_without_metadata(request)
    from albert_tfx.release import production

    production.refuse_other_origins(request.serving, request.name)
    require_class_of_metric(request)
    encoder, preprocessor = check_models(request)
    dataset = request.of(DatasetOptions)
    remarks: tuple[str, ...] = ()
    if request.file.csv is not None:
        dataset, remarks = _from_file(request, dataset)

    from albert_tfx.data import schema, tfds_source

    resolved = tfds_source.resolve(dataset)
    tfds_source.require_whole(resolved)
    production.refuse_other_origins(request.serving, request.name, resolved.class_names)
    order = schema.display_order(resolved.class_names, request.of(ReportOptions).class_order)
    request.of(AnswerOptions).require_fit(resolved.class_names)
    path = schema.write(schema.for_classes(resolved.class_names), f"{request.output}/schema")
    texts = _texts_to_score(request, resolved)
    config = build_config(
        request,
        dataset=dataset,
        schema=str(path),
        scoring=texts,
        encoder_fingerprint=encoder.fingerprint,
        preprocessor_fingerprint=preprocessor,
    )
    of_texts = texts.remarks if texts else ()
    of_precision = _of_precision(config.embedding.inference_precision)
    remarks = tuple(dict.fromkeys([*_pin(request.options), *of_precision, *remarks, *of_texts]))
    counts = tfds_source.count_labels(resolved, TRAIN, _MOST_COUNTED)
    return Prepared(
        config,
        encoder,
        tuple(order),
        resolved.num_examples,
        remarks,
        resolved,
        counts,
    )


def survey(prepared: Prepared) -> Iterator[str]:
    """Yields what a run would learn from and cost, in lines.

    Raises:
      InputError: The run would be refused once it has read the reviews.
    """
    from albert_tfx.data.survey import survey
    from albert_tfx.tuning import cost

    config = prepared.config
    assert prepared.dataset is not None
    found = survey(prepared.dataset, config.preprocessing.preprocessor)
    yield from found.lines(config.preprocessing.sequence_length)
    found.require_classes()
    middle = sorted(found.lengths)[len(found.lengths) // 2]
    rows = {split: counts.total() for split, counts in found.counts.items()}
    yield str(cost.estimate(config.fine_tuned, prepared.encoder.parameters, middle, rows))
    yield "nothing was trained: leave --check out to start the run"


def require_files(request: Request) -> None:
    """Refuses what is missing or misspelt, within a second: without TensorFlow.

    Raises:
      InputError: A file cannot be used or lacks a column, or there is no such data set.
    """
    from albert_tfx.data import catalogue
    from albert_tfx.data.files import content

    if request.file.csv is None:
        dataset = request.of(DatasetOptions)
        catalogue.require_known(dataset.name, dataset.data_dir)
    else:
        from albert_tfx.data.labelled import rows

        for source in rows.sources(request.file):
            next(rows.open_source(source, request.file).rows, None)
    if request.score and _is_file(request.score):
        path = Path(request.score).expanduser()
        if not path.is_dir():
            content.require_file(path)
        next(_open_scored(request, path).rows, None)


def require_class_of_metric(request: Request) -> None:
    """Refuses a metric of a class that the texts do not have: without TensorFlow or TFX.

    Raises:
      InputError: There is no such class, or the texts cannot be used.
    """
    metric = request.of(SelectionPolicy).metric
    if ":" in metric:
        from albert_tfx.evaluation import metrics

        metrics.deciding(metric, _class_names(request))


def _class_names(request: Request) -> Sequence[str]:
    """Returns the classes as the data set declares them, or as the user's file has them."""
    if request.file.csv is None:
        from albert_tfx.data import tfds_source

        return tfds_source.class_names(request.of(DatasetOptions))
    from albert_tfx.data.labelled import labels, rows

    found = rows.survey(rows.sources(request.file), request.file)
    return labels.classes_of(found.spellings, request.file).names


def _cut(name: str) -> str:
    return name if len(name) <= _SHOWN_LETTERS else f"{name[:_SHOWN_LETTERS]}…"


def _pin(options: Mapping[str, Any]) -> Iterator[str]:
    """Yields how to have the very same models again, where they do not come with this code."""
    flags = {options[key]: f"--{key}" for key in ("preprocessor", "encoder")}
    foreign = [handle for handle in reversed(flags) if not handle.startswith(ASSET_SCHEME)]
    if foreign:
        from albert_tfx.encoders import resolution

        pins = (f"{flags[each]} {each}@sha256:{resolution.digest_of(each)}" for each in foreign)
        yield f"to pin it: {' '.join(pins)}"


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


def _from_file(request: Request, asked: DatasetOptions) -> tuple[DatasetOptions, tuple[str, ...]]:
    """Returns the data set that the user's own file becomes, and remarks."""
    from albert_tfx.data.labelled import dataset

    folder = asked.data_dir or f"{request.output}/datasets"
    prepared = dataset.prepare(request.file, folder)
    shortened = dataclasses.replace(prepared.dataset, max_examples=asked.max_examples)
    return shortened, prepared.remarks


def check_models(request: Request) -> "tuple[Description, str]":
    """Refuses models that the options do not fit, fetched and converted first where that is due.

    Returns:
      What is known of the encoder, and the hash of the preprocessor's files.

    Raises:
      InputError: A model cannot be had, is damaged, or does not fit.
    """
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
        embedding.inference_precision,
        request.of(TrainerOptions, FINE_TUNED).unfreeze,
    )
    return known, resolution.fingerprint_of(preprocessing.preprocessor)


def check_models_here(request: Request) -> None:
    """Does as `check_models` where no file has to be fetched for it, and else nothing.

    Raises:
      InputError: As `check_models`.
    """
    if all(
        map(encoder_choice.is_here, (request.options["encoder"], request.options["preprocessor"]))
    ):
        check_models(request)


def require_positions_here(encoder: str, sequence_length: int) -> None:
    """Refuses a sequence length beyond an encoder's positions, where no file has to be fetched.

    Raises:
      InputError: The encoder has fewer positions, or is damaged.
    """
    if encoder_choice.is_here(encoder):
        from albert_tfx.encoders import resolution

        resolution.require_positions(resolution.describe(encoder), sequence_length)


def _of_precision(precision: str) -> Iterator[str]:
    """Yields what to know of a precision of inference that this machine does not gain by."""
    if precision != FLOAT32:
        from albert_tfx.modeling import acceleration

        if not acceleration.inference_gains_by_bfloat16():
            yield (
                f"--inference-precision {precision}: this processor multiplies no faster in it, "
                "and answers here will take longer than in float32"
            )


def _texts_to_score(request: Request, dataset: "ResolvedDataset") -> TextsToScore | None:
    if not request.score:
        return None
    from albert_tfx.prediction import scoring

    root = Path(request.output, "scoring")
    if _is_file(request.score):
        file = Path(request.score).expanduser()
        return scoring.from_file(file, root, _scored_options(request, file), request.id_column)
    return scoring.from_split(dataset, request.score, root)


def _is_file(score: str) -> bool:
    """Returns whether `--score` names a file, or means to; else, it is a split."""
    from albert_tfx.data.files import arrow, reader

    path = Path(score).expanduser()
    if path.is_dir():  # a folder may be called as a split is, such as `test`
        return arrow.is_saved(path) or bool(arrow.saved_splits(path))
    return path.exists() or reader.names_a_file(score)


def _open_scored(request: Request, path: Path) -> "Table":
    from albert_tfx.data.files import reader

    options = _scored_options(request, path)
    return reader.open_texts(path, options.text_column, request.id_column, options.encoding)


def _scored_options(request: Request, path: Path) -> FileOptions:
    from albert_tfx.data.files import reader

    # The column of a file to learn from says nothing of a file with one text a line.
    has_columns = path.is_dir() or reader.has_columns(path)
    asked = request.scored
    if has_columns and not asked.text_column:
        asked = dataclasses.replace(asked, text_column=request.file.text_column)
    is_plain = not has_columns and request.file.csv is not None
    return dataclasses.replace(asked, text_column=()) if is_plain else asked
