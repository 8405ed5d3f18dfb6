"""Every option of every component, as frozen dataclasses with their bounds.

They live in one light module, apart from the components that they belong to, so that a runner
answers `--help` and refuses a bad value at once: importing TFX takes a dozen seconds, this none.
Each class travels through TFX as a JSON mapping (`encode`) and is read back by `decode`, which
refuses unknown keys.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from albert_tfx.errors import InputError

POOLINGS = ("mean", "pooled_output")
TRUNCATIONS = ("head", "tail", "head_tail")
XLA_AUTO, XLA_ON, XLA_OFF = XLA_CHOICES = ("auto", "on", "off")
PRECISION_AUTO, FLOAT32, BFLOAT16 = PRECISIONS = ("auto", "float32", "bfloat16")

OptionsT = TypeVar("OptionsT")


def encode(options: Any) -> dict[str, Any]:
    """Returns the JSON mapping of a dataclass instance."""
    return dataclasses.asdict(options)


def decode(options_class: type[OptionsT], mapping: Mapping[str, Any]) -> OptionsT:
    """Builds `options_class` from what `encode` gave.

    Raises:
      InputError: A key is not a field of `options_class`, or a value is out of its bounds.
    """
    fields = {field.name: field.type for field in dataclasses.fields(options_class)}  # type: ignore[arg-type]
    names = list(fields)
    for key in mapping:
        if key not in names:
            close = difflib.get_close_matches(key, names, n=1)
            guess = f"Did you mean {close[0]!r}" if close else f"Known: {', '.join(names)}"
            raise InputError(f"{options_class.__name__} has no option {key!r}", guess)
    return options_class(**{key: _whole(value, fields[key]) for key, value in mapping.items()})


def _whole(value: Any, wanted: Any) -> Any:
    """Returns a whole number as such: JSON has no integers, and a backend may write 96 as 96.0."""
    is_whole = wanted is int and isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value


def _require(condition: bool, name: str, value: Any, remedy: str) -> None:
    if not condition:
        raise InputError(f"{name} cannot be {value!r}", remedy)


def _require_share(name: str, value: float) -> None:
    _require(0 <= value <= 1, name, value, "Give a share from 0 to 1")


@dataclasses.dataclass(frozen=True)
class DatasetOptions:
    """Which reviews to read, for `TfdsExampleGen`.

    Attributes:
      name: A TFDS name, e.g. `imdb_reviews` or `glue/sst2`, or the folder of a prepared TFDS
        data set (the one that holds `dataset_info.json`).
      data_dir: TFDS's data directory, or None for TFDS's own default. A data set that is not
        there yet is prepared there.
      train_split: TFDS split string of the reviews to train on.
      eval_split: TFDS split string of the reviews that choose epochs and the winner.
      test_split: TFDS split string of the reviews that are only reported.
      text_feature: Name of the text feature, or None to take it from the data set's
        `supervised_keys`, else the only text feature.
      label_feature: Name of the `ClassLabel` feature, or None likewise.
      max_examples: At most so many reviews of each split, or None for all.
    """

    name: str = "sample_reviews"
    data_dir: str | None = None
    train_split: str = "train[:90%]"
    eval_split: str = "train[90%:]"
    test_split: str = "test"
    text_feature: str | None = None
    label_feature: str | None = None
    max_examples: int | None = None

    def __post_init__(self) -> None:
        _require(bool(self.name), "dataset", self.name, "Name a TFDS data set")
        _require(
            self.max_examples is None or self.max_examples >= 1,
            "max-examples",
            self.max_examples,
            "Give at least 1",
        )


@dataclasses.dataclass(frozen=True)
class DuplicateOptions:
    """What becomes of the reviews that repeat others, for DuplicateFinder.

    Attributes:
      keep: Whether they stay in the examples, and are only counted.
    """

    keep: bool = False


@dataclasses.dataclass(frozen=True)
class TextsToScore:
    """Texts for the selected model to classify; see `albert_tfx.prediction.scoring`.

    Attributes:
      folder: Holds them, as examples with `text` and, from 0, `row`.
      name: What they are, as a file's name: `reviews`, `unsupervised`.
    """

    folder: str
    name: str


@dataclasses.dataclass(frozen=True)
class PreprocessingOptions:
    """How a review becomes token ids, for Transform.

    Attributes:
      preprocessor: TF Hub or Kaggle handle, or folder, of a text preprocessing model.
      sequence_length: Most tokens of a review, `[CLS]` and `[SEP]` included.
      truncation: Which tokens of a longer review to keep: its `head`, its `tail`, or the first
        quarter and the last three quarters (`head_tail`; Sun et al. 2019, "How to Fine-Tune BERT
        for Text Classification?", found 128 + 382 of 510 best on IMDB).
      preprocessor_fingerprint: Hash of the model's files, so that other files under the same
        name do not hit TFX's cache.
    """

    preprocessor: str
    sequence_length: int = 256
    truncation: str = "head_tail"
    preprocessor_fingerprint: str = ""

    def __post_init__(self) -> None:
        _require(
            3 <= self.sequence_length <= 4096,
            "sequence-length",
            self.sequence_length,
            "Give 3 to 4096 tokens, and no more than the encoder has positions",
        )
        _require(
            self.truncation in TRUNCATIONS,
            "truncation",
            self.truncation,
            f"Give one of {', '.join(TRUNCATIONS)}",
        )


@dataclasses.dataclass(frozen=True)
class EmbeddingOptions:
    """How a review becomes one vector, for EmbeddingGen.

    Attributes:
      encoder: TF Hub or Kaggle handle, or folder, of the text encoder.
      pooling: `mean` of `sequence_output` over the real tokens, or the encoder's `pooled_output`.
      sequence_length: Most tokens of a review; fixes the length buckets.
      batch_size: Reviews in one forward pass.
      xla: Whether XLA compiles the encoder: `on`, `off`, or `auto`: for lengths that come often.
      encoder_fingerprint: Hash of the model's files, so that other files under the same name do
        not hit TFX's cache.
    """

    encoder: str
    pooling: str = "mean"
    sequence_length: int = 256
    batch_size: int = 64
    xla: str = XLA_AUTO
    encoder_fingerprint: str = ""

    def __post_init__(self) -> None:
        _require_pooling(self.pooling)
        _require_xla(self.xla)
        _require(self.batch_size >= 1, "batch-size", self.batch_size, "Give at least 1")


@dataclasses.dataclass(frozen=True)
class TrainerOptions:
    """Everything in which the two Trainers may differ.

    Attributes:
      model: `frozen` trains the head on EmbeddingGen's vectors; `fine_tuned` trains the encoder
        with the head on token ids.
      encoder: TF Hub or Kaggle handle, or folder, of the text encoder.
      pooling: `mean` of `sequence_output` over the real tokens, or the encoder's `pooled_output`.
      sequence_length: Most tokens of a review; fixes the length buckets.
      epochs: Passes over the training split at most.
      patience: Epochs without a better `val_accuracy` after which training stops.
      batch_size: Reviews in one step.
      gradient_accumulation: Equal parts of a batch whose gradients are computed one after the
        other, in as many times less memory. The step is the same but for batch normalization,
        which sees a part at a time. Unused by `frozen`.
      xla: Whether XLA compiles the encoder's part of a step: `on`, `off`, or `auto`: on a GPU.
        Draws of an encoder's own dropout do not repeat then. Unused by `frozen`, and where several
        GPUs train.
      precision: Of matrix products in a step: `float32`, `bfloat16`, or `auto`: `bfloat16` where a
        measurement finds that the processor gains by it. Unused by `frozen`, and where a GPU or
        XLA trains. The exported model is `float32` always.
      hidden_units: Width of the head's Dense layer.
      dropout: Share of the head's inputs dropped in training, in [0, 1).
      head_learning_rate: Adam's peak rate for the head.
      encoder_learning_rate: AdamW's peak rate for the encoder; unused by `frozen`.
      weight_decay: AdamW's decoupled weight decay for the encoder; unused by `frozen`.
      warmup_fraction: Share of all steps over which the rates rise linearly from zero; after
        that they fall linearly to zero.
      seed: Seed of initialisation, order and dropout.
      encoder_fingerprint: As in `EmbeddingOptions`.
    """

    model: str
    encoder: str
    pooling: str = "mean"
    sequence_length: int = 256
    epochs: int = 3
    patience: int = 2
    batch_size: int = 32
    gradient_accumulation: int = 1
    xla: str = XLA_AUTO
    precision: str = PRECISION_AUTO
    hidden_units: int = 64
    dropout: float = 0.1
    head_learning_rate: float = 1e-3
    encoder_learning_rate: float = 2e-5
    weight_decay: float = 0.01
    warmup_fraction: float = 0.1
    seed: int = 1
    encoder_fingerprint: str = ""

    def __post_init__(self) -> None:
        _require_pooling(self.pooling)
        _require_xla(self.xla)
        _require(
            self.precision in PRECISIONS,
            "precision",
            self.precision,
            f"Give one of {', '.join(PRECISIONS)}",
        )
        counts = ("epochs", "patience", "batch_size", "gradient_accumulation", "hidden_units")
        for name in counts:
            value = getattr(self, name)
            _require(value >= 1, f"{self.model} {name}", value, "Give at least 1")
        _require(
            self.batch_size % self.gradient_accumulation == 0,
            "gradient-accumulation",
            self.gradient_accumulation,
            f"Give a divisor of the batch size, {self.batch_size}",
        )
        for name in ("head_learning_rate", "encoder_learning_rate"):
            value = getattr(self, name)
            _require(0 < value <= 1, f"{self.model} {name}", value, "Give more than 0, at most 1")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "Give 0 or more, below 1")
        _require(
            0 <= self.warmup_fraction < 1,
            "warmup_fraction",
            self.warmup_fraction,
            "Give 0 or more, below 1",
        )
        _require(0 <= self.seed < 2**32, "seed", self.seed, "Give 0 to 4294967295")
        _require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "Give 0 or more")


@dataclasses.dataclass(frozen=True)
class SelectionPolicy:
    """When which model wins, for ModelSelector.

    Attributes:
      min_gain: Accuracy that fine-tuning must gain over frozen: the lower end of the gain's
        interval must exceed this, or frozen wins.
      max_slice_loss: Accuracy that fine-tuning may lose on any slice of the reviews: where it
        loses more even at the upper end of the difference's interval, frozen wins. The default lets
        it trade a little of one class or length for more of another, as any two models do.
      min_slice_examples: Reviews below which a slice is left out of account.
      min_accuracy: Accuracy below which no model is pushed.
      min_auc: Area under the ROC curve below which no model is pushed.
      min_gain_over_majority: Accuracy by which the lower end of a winner's interval must exceed
        always answering the most frequent class, or nothing is pushed.
    """

    min_gain: float = 0.0
    max_slice_loss: float = 0.05
    min_slice_examples: int = 30
    min_accuracy: float = 0.0
    min_auc: float = 0.0
    min_gain_over_majority: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if field.type is float:
                _require_share(field.name, getattr(self, field.name))
        _require(
            self.min_slice_examples >= 1,
            "min_slice_examples",
            self.min_slice_examples,
            "Give at least 1",
        )


@dataclasses.dataclass(frozen=True)
class ProductionPolicy:
    """When a winner may replace the model in production, for ProductionGate.

    Attributes:
      max_production_loss: Accuracy on the test reviews that the new model may lose against the one
        in production.
    """

    max_production_loss: float = 0.0

    def __post_init__(self) -> None:
        _require_share("max_production_loss", self.max_production_loss)


def _require_xla(xla: str) -> None:
    _require(xla in XLA_CHOICES, "xla", xla, f"Give one of {', '.join(XLA_CHOICES)}")


def _require_pooling(pooling: str) -> None:
    _require(pooling in POOLINGS, "pooling", pooling, f"Give one of {', '.join(POOLINGS)}")
