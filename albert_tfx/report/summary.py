"""`summary.json`: what a run found, as dataclasses that everything writes and reads it through.

The fields are the file's keys; `docs/summary.md` explains each. Reading needs neither TensorFlow
nor TFX nor pandas.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from etils import epath

from albert_tfx.calibration.temperature import Calibration
from albert_tfx.contract import SUMMARY_FILE
from albert_tfx.encoders.resolution import Description
from albert_tfx.errors import InputError
from albert_tfx.evaluation.measurements import (
    AnswerMetrics,
    ClassMetrics,
    FlipRates,
    Interval,
    ModelMetrics,
    SeedAccuracy,
    SliceComparison,
    TestComparison,
)
from albert_tfx.options import FLOAT32, AnswerOptions
from albert_tfx.report.convergence import Convergence
from albert_tfx.seeds.precision import PrecisionChange
from albert_tfx.storage import read_json, write_json

# Raised where a key is removed or changes its meaning; a new key leaves it as it is.
SCHEMA_VERSION = 1
# Marks the field whose keys lie beside those of the other fields, not below a key of their own.
_FLAT = {"flat": True}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSummary:
    """One of the two models: its metrics on the eval split, its training and its cost."""

    metrics: ModelMetrics = dataclasses.field(metadata=_FLAT)
    train_seconds: float
    trainable_parameters: int
    parameters: int
    best_epoch: int
    training_precision: str
    inference_precision: str = FLOAT32
    precision_change: PrecisionChange | None = None
    epochs: tuple[Mapping[str, float], ...]
    convergence: str = Convergence.CONVERGED
    learning_rate: float = math.nan
    rates: tuple[Mapping[str, float], ...] = ()
    model_bytes: int
    latency_seconds: float
    slow_latency_seconds: float
    train_memory_bytes: float = math.nan
    calibration: Calibration | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnswersSummary:
    """What becomes of the selected model's probabilities, and what that costs on the test split."""

    options: AnswerOptions = dataclasses.field(metadata=_FLAT)
    test: AnswerMetrics = dataclasses.field(metadata=_FLAT)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TestSummary:
    """The selected model on the test split."""

    model: str
    metrics: ModelMetrics = dataclasses.field(metadata=_FLAT)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProductionSummary:
    """The gate's verdict, and the model in production on the test split."""

    passed: bool
    rule: str
    reason: str
    pushed_model: str | None
    metrics: ModelMetrics | None
    difference: Mapping[str, Interval | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words:
    """Lengths of a split's texts, in words."""

    short: int
    median: int
    long: int
    longest: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Removed:
    """Texts of a split that were removed."""

    exact: int
    near: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fates:
    """What became of the texts of one class in one split."""

    kept: int
    exact: int
    near: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """Where a text was read, and how it begins."""

    split: str
    file: str
    row: int
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pair:
    """A duplicate and the text that it repeats."""

    kind: str
    similarity: float
    review: Place
    original: Place


@dataclasses.dataclass(frozen=True, kw_only=True)
class Duplicates:
    """What DuplicateFinder found and removed."""

    exact: Mapping[str, Mapping[str, int]]
    near: Mapping[str, Mapping[str, int]]
    contradicting: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    removed: Mapping[str, Removed]
    reviews: Mapping[str, Mapping[str, Fates]]
    keep: bool
    near_similarity: float
    shingle_words: int
    pairs: tuple[Pair, ...]
    contained: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class YardstickSummary:
    """TF-IDF with logistic regression on the same texts."""

    train_seconds: float
    train_examples: int
    trainable_parameters: int
    parameters: int = 0
    model_bytes: float = math.nan
    latency_seconds: float = math.nan
    slow_latency_seconds: float = math.nan
    train_memory_bytes: float = math.nan
    eval: ModelMetrics
    test: ModelMetrics
    gain: Mapping[str, Mapping[str, Interval]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What the run was asked to do, as far as its findings depend on it."""

    dataset: str
    sequence_length: int
    truncation: str
    class_weights: str
    batch_size: Mapping[str, int]
    price_per_hour: float | None = None
    class_order: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deciding:
    """The metric that decided, on the eval split."""

    name: str
    title: str
    is_higher_better: bool
    is_percentage: bool
    models: Mapping[str, Interval]
    constant: float
    test: Interval


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run found."""

    schema_version: int = SCHEMA_VERSION
    headline: str = ""
    answer: str = ""
    caution: str = ""
    winner: str | None
    selected: str
    pushed: bool
    pushed_model: str | None
    rule: str
    reason: str
    models: Mapping[str, ModelSummary]
    metric: Deciding | None = None
    seeds: int = 1
    difference: Mapping[str, Interval]
    flip_rates: FlipRates | None
    slices: tuple[SliceComparison, ...]
    recipes: Mapping[str, ModelMetrics] = dataclasses.field(default_factory=dict)
    by_seed: tuple[SeedAccuracy, ...] = ()
    classes: Mapping[str, tuple[ClassMetrics, ...]] = dataclasses.field(default_factory=dict)
    test: TestSummary
    test_comparison: TestComparison | None = None
    answers: AnswersSummary | None = None
    production: ProductionSummary | None
    majority_share: float
    confidence: float
    date: str = ""
    settings: Settings | None = None
    labels: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    examples: Mapping[str, int]
    words: Mapping[str, Words]
    duplicates: Duplicates | None
    yardstick: YardstickSummary | None
    encoder: Description | None = None
    versions: Mapping[str, str | None]
    seed: int
    command: str

    def save(self, folder: epath.PathLike) -> None:
        """Writes `summary.json` into a folder."""
        write_json(epath.Path(folder) / SUMMARY_FILE, to_record(self))

    @classmethod
    def load(cls, folder: epath.PathLike) -> "Summary":
        """Reads `summary.json` of a report's folder.

        A summary from before `schema_version` was introduced has the keys of version 1.

        Raises:
          FileNotFoundError: There is no such file.
          InputError: It is not a summary, or one of a version that is unknown here.
        """
        path = epath.Path(folder) / SUMMARY_FILE
        try:
            record = read_json(path)
            version = record.get("schema_version", 1)
            if version == SCHEMA_VERSION:
                summary: Summary = from_record(cls, record)
                return summary
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} is not the summary of a run ({type(error).__name__}: {error})",
                "Run the pipeline again, which writes a new one",
            ) from error
        raise InputError(
            f"{path} has schema version {version}, and this code reads version {SCHEMA_VERSION}",
            "Read it with the version of this project that wrote it, or run the pipeline again",
        )


def to_record(value: Any) -> Any:
    """Returns a dataclass of this module as mappings, lists, numbers and strings."""
    if isinstance(value, ModelMetrics):
        return value.record()
    if dataclasses.is_dataclass(value):
        record: dict[str, Any] = {}
        for field in dataclasses.fields(value):
            content = to_record(getattr(value, field.name))
            record |= content if field.metadata.get("flat") else {field.name: content}
        return record
    if isinstance(value, Mapping):
        return {key: to_record(each) for key, each in value.items()}
    return [to_record(each) for each in value] if isinstance(value, tuple) else value


def from_record(kind: Any, value: Any) -> Any:
    """Returns what `to_record` made a record of; keys that are unknown here are left out.

    Args:
      kind: The type that is asked for.
      value: The record. A null in place of a number is NaN.

    Raises:
      KeyError: A key is missing.
    """
    arguments = typing.get_args(kind)
    if isinstance(kind, types.UnionType):
        return None if value is None else from_record(arguments[0], value)
    if kind is ModelMetrics:
        return ModelMetrics.from_record(value)
    if dataclasses.is_dataclass(kind):
        return _instance(kind, value)
    origin = typing.get_origin(kind)
    if origin is tuple:
        return tuple(from_record(arguments[0], each) for each in value)
    if origin is Mapping:
        return {key: from_record(arguments[1], each) for key, each in value.items()}
    return math.nan if value is None else value


def _instance(kind: Any, record: Mapping[str, Any]) -> Any:
    kinds = typing.get_type_hints(kind)
    flat = {each.name for each in dataclasses.fields(kind) if each.metadata.get("flat")}
    optional = {
        each.name
        for each in dataclasses.fields(kind)
        if (each.default, each.default_factory) != (dataclasses.MISSING,) * 2
        and each.name not in record
    }
    return kind(
        **{
            name: from_record(each, record if name in flat else record[name])
            for name, each in kinds.items()
            if name not in optional
        }
    )
