"""Every option of every component: dataclasses whose fields say their flags, help and bounds.

To add an option, add a field here and use it in the component: command line, configuration and
compiled pipeline follow from the field (see `albert_tfx.flags`). Each class travels through TFX as
a JSON mapping (`encode`) and is read back by `decode`, which refuses unknown keys.

The classes lie apart from the components that they belong to, so that a runner answers `--help`
and refuses a bad value at once: importing TFX takes a dozen seconds, this none.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from albert_tfx.errors import InputError, did_you_mean
from albert_tfx.flags import Bounds, Flag, at_least, check, one_of, option, optional, switch
from albert_tfx.printable import printable, visible

AUTO_POOLING, MEAN, CLS, _POOLED = POOLINGS = ("auto", "mean", "cls", "pooled_output")
TRUNCATIONS = ("head", "tail", "head_tail")
XLA_AUTO, XLA_ON, XLA_OFF = XLA_CHOICES = ("auto", "on", "off")
AUTO_RATE = "auto"
ACCURACY_METRIC, LOG_LOSS_METRIC = "accuracy", "log_loss"
ALBERT_CANDIDATES, ALL_CANDIDATES = CANDIDATES = ("albert", "all")
NO_WEIGHTS, BALANCED = CLASS_WEIGHTS = ("none", "balanced")
PRECISION_AUTO, FLOAT32, BFLOAT16 = PRECISIONS = ("auto", "float32", "bfloat16")
INFERENCE_PRECISIONS = (FLOAT32, BFLOAT16)
CALIBRATION_AUTO, CALIBRATION_OFF = CALIBRATIONS = ("auto", "off")
ARGMAX_THRESHOLD = 0.5  # of two classes, it chooses the more probable one

# Groups of flags.
REVIEWS = "the texts"
FILE = "your own file, in place of a data set"
ENCODER = "the encoder, and what it sees of a text"
TRAINING = "training"
SERVED = "which model is served"
ANSWERED = "what the served model answers"

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
    for key in mapping:
        if key not in fields:
            raise InputError(
                f"{options_class.__name__} has no option {key!r}",
                did_you_mean(key, fields, f"Known: {', '.join(fields)}"),
            )
    return options_class(**{key: _number(value, fields[key]) for key, value in mapping.items()})


def _number(value: Any, wanted: Any) -> Any:
    """Returns a number as such.

    JSON has no integers, so that a backend may write 96 as 96.0; and a parameter that may also be a
    word is a text.
    """
    if wanted is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return rate(value) if wanted == float | str and isinstance(value, str) else value


def rate(text: str) -> float | str:
    """Returns the number that `text` names; a word as it is, for `check` to judge."""
    try:
        return float(text)
    except ValueError:
        return text


def absolute(path: str) -> str:
    """Returns `path` as seen from any folder, so that the cache holds when run from another."""
    if "://" in path:
        return path
    expanded = os.path.expanduser(path)  # noqa: PTH111  pathlib's raises for an unknown user
    return str(pathlib.Path(expanded).resolve())


def plain_path(path: str, option: str) -> str:
    """Returns `path`, unless TensorFlow, Beam and TFX would take it for a pattern of paths.

    Raises:
      InputError: It would be, or there is none.
    """
    found = _OF_PATTERNS.search(path)
    if found:
        raise InputError(
            f"{option} {path!r} has the character {found[0]!r}, which TensorFlow and Beam take for "
            "a pattern of paths",
            "Give a path without *, ?, [ and backslashes",
        )
    if not path:
        raise InputError(f"{option} is empty", "Name a folder, or leave the option out")
    return path


def _data_dir(path: str) -> str:
    return plain_path(absolute(plain_path(path, "--data-dir")), "--data-dir")


_OF_PATTERNS = re.compile(r"[*?\[\\]")
_AT_LEAST_ONE = at_least(1)
_SHARE = Bounds(lambda value: 0 <= value <= 1, "Give a share from 0 to 1")
_PART = Bounds(lambda value: 0 <= value < 1, "Give 0 or more, below 1")
_RATE = Bounds(lambda value: 0 < value <= 1, "Give more than 0, at most 1")
_RATE_OR_AUTO = Bounds(
    lambda value: value == AUTO_RATE or (not isinstance(value, str) and _RATE.hold(value)),
    f"Give more than 0, at most 1, or {AUTO_RATE}",
)


def _in_one_line(text: str) -> str:
    return re.sub(r"[\t\n]", " ", printable(text))


_METRIC_NAME = re.compile(
    r"accuracy|balanced_accuracy|macro_f1|auc|log_loss|(recall|precision|f1):.+"
)


def _share(default: float | None, name: str, use: str) -> Any:
    words = "none" if default is None else ""
    return option(default, Flag(name, SERVED, use, "SHARE", words), bounds=_SHARE)


# Flags that set the options of several components.
_CLASS_WEIGHTS = Flag(
    "--class-weights",
    TRAINING,
    "what a text counts in training: balanced: the rarer its class, the more, so that all classes "
    "count alike",
)
_METRIC = Flag(
    "--metric",
    SERVED,
    "what counts as better: accuracy, balanced_accuracy, macro_f1, auc, log_loss, or recall:CLASS, "
    "precision:CLASS or f1:CLASS of one class",
    "NAME",
)
_MIN_GAIN_OVER_MAJORITY = Flag(
    "--min-gain-over-majority",
    SERVED,
    "nothing is pushed unless the lower end of the winner's metric exceeds that of the same answer "
    "to every text by more than this; on test, too, where nothing was pushed before",
    "SHARE",
)
_METRIC_BOUNDS = Bounds(
    lambda value: _METRIC_NAME.fullmatch(value) is not None,
    "Give accuracy, balanced_accuracy, macro_f1, auc, log_loss, recall:CLASS, precision:CLASS or "
    "f1:CLASS",
)
_ENCODER = Flag(
    "--encoder",
    ENCODER,
    "the text encoder: hf://OWNER/NAME[@REVISION] of Hugging Face, a TF Hub or Kaggle URL, or the "
    "folder of either's model",
    "HANDLE",
    "the small ALBERT in assets; imdb: ALBERT-base from TF Hub; base: from Hugging Face",
    at_submission="hf://OWNER/NAME[@REVISION] of Hugging Face, TF Hub or Kaggle URL, or folder in "
    "a bucket, of the text encoder",
)
_SEQUENCE_LENGTH = Flag(
    "--sequence-length", ENCODER, "most tokens of a text", "N", at_submission=True
)
_POOLING = Flag(
    "--pooling",
    ENCODER,
    "how a text's token vectors become one; auto: as the encoder's folder states, else the mean",
)
_INFERENCE_PRECISION = Flag(
    "--inference-precision",
    ANSWERED,
    "of the encoder's matrix products wherever it answers: embedding, evaluation, the served "
    "model; the report tells what bfloat16 changes",
)
_XLA = Flag(
    "--xla", TRAINING, "compile the encoder; auto: what runs it often, and on a GPU its training"
)


@dataclasses.dataclass(frozen=True)
class DatasetOptions:
    """Which reviews to read, for `TfdsExampleGen`."""

    # The folder of a prepared TFDS data set is the one that holds `dataset_info.json`.
    name: str = option(
        "sample_reviews",
        Flag(
            "--dataset",
            REVIEWS,
            "TFDS text classification data set, or the folder of a prepared one",
            "NAME",
            at_submission="TFDS data set of the same classes",
        ),
        bounds=Bounds(bool, "Name a TFDS data set"),
        called="dataset",
    )
    # A data set that is not there yet is prepared there.
    data_dir: str | None = optional(
        "--data-dir",
        REVIEWS,
        "where TFDS keeps its data sets",
        "DIR",
        "TFDS's own",
        convert=_data_dir,
    )
    train_split: str = option(
        "train[:90%]", Flag("--train-split", REVIEWS, "texts to train on", "SPLIT")
    )
    eval_split: str = option(
        "train[90%:]", Flag("--eval-split", REVIEWS, "texts that choose the winner", "SPLIT")
    )
    test_split: str = option(
        "test", Flag("--test-split", REVIEWS, "texts that are only reported", "SPLIT")
    )
    text_feature: str | None = optional(
        "--text-feature",
        REVIEWS,
        "the feature that holds the text",
        "NAME",
        "what the data set declares",
    )
    label_feature: str | None = optional(
        "--label-feature",
        REVIEWS,
        "the feature that holds the class",
        "NAME",
        "what the data set declares",
    )
    max_examples: int | None = option(
        None,
        Flag("--max-examples", REVIEWS, "most texts of each split", "N", "all"),
        bounds=_AT_LEAST_ONE,
        called="max-examples",
    )

    def __post_init__(self) -> None:
        check(self)


def _of_file(name: str, use: str, metavar: str, default: str = "none", **more: Any) -> Any:
    return optional(name, FILE, use, metavar, default, local=True, **more)


@dataclasses.dataclass(frozen=True)
class FileOptions:
    """The user's own file, and how it is read; see `albert_tfx.data.labelled`."""

    csv: str | None = _of_file(
        "--csv", "file with one text a row: CSV, TSV, JSONL, Parquet; docs/data.md", "PATH"
    )
    text_column: tuple[str, ...] = option(
        (),
        Flag(
            "--text-column",
            FILE,
            "the column that holds the text; several are joined",
            "NAME",
            "text, review or the like",
            local=True,
        ),
    )
    label_column: str | None = _of_file(
        "--label-column", "the column that holds the class", "NAME", "label, sentiment or the like"
    )
    encoding: str | None = _of_file(
        "--encoding", "of the file's text, such as windows-1252 or utf-16", "NAME", "utf-8"
    )
    eval_csv: str | None = _of_file(
        "--eval-csv", "file of the texts that choose the winner", "PATH", "a tenth of --csv"
    )
    test_csv: str | None = _of_file(
        "--test-csv", "file of the texts that are only reported", "PATH", "a tenth of --csv"
    )
    split_column: str | None = _of_file(
        "--split-column", "column that says train, eval (or validation) or test", "NAME"
    )
    group_column: str | None = _of_file(
        "--group-column",
        "column of what is never divided among the splits, such as a customer",
        "NAME",
        "the text",
    )
    time_column: str | None = _of_file(
        "--time-column",
        "column of times: the latest tenth is test, the tenth before it eval",
        "NAME",
    )
    merge_labels: bool = option(
        False,
        Flag(
            "--merge-labels",
            FILE,
            "join labels that differ only in case, spaces, normal form or invisible characters",
            default="they are listed",
            local=True,
        ),
    )
    min_rows_per_class: int | None = option(
        None,
        Flag(
            "--min-rows-per-class",
            FILE,
            "leave out the rows of rarer labels, which are listed",
            "N",
            "rarer ones are refused",
            local=True,
        ),
        bounds=at_least(1),
        called="min-rows-per-class",
    )
    rare_label: str | None = _of_file(
        "--rare-label", "with --min-rows-per-class: make them one class of this name", "NAME"
    )
    skip_empty: bool = option(
        False,
        Flag(
            "--skip-empty",
            FILE,
            "leave out the rows that lack a text or a label",
            default="they are refused",
            local=True,
        ),
    )

    def __post_init__(self) -> None:
        check(self)


@dataclasses.dataclass(frozen=True)
class DuplicateOptions:
    """What becomes of the reviews that repeat others, for DuplicateFinder."""

    keep: bool = switch(
        "--keep-duplicates",
        REVIEWS,
        "only count the texts that repeat others, and train and evaluate on them too",
        default="they are taken out of train and eval",
    )


@dataclasses.dataclass(frozen=True)
class TextsToScore:
    """Texts for the selected model to classify; see `albert_tfx.prediction.scoring`.

    Attributes:
      folder: Holds them, as examples with `text` and, from 0, `row`.
      name: What they are, as a file's name: `reviews`, `unsupervised`.
      source: The file or the split that they come from.
      id_column: The name of the column whose values the examples have as `id`, or None.
      remarks: What to tell the user of how they were read.
    """

    folder: str
    name: str
    source: str = ""
    id_column: str | None = None
    remarks: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class PreprocessingOptions:
    """How a review becomes token ids, for Transform.

    Attributes:
      preprocessor_fingerprint: Hash of the model's files, so that other files under the same
        name do not hit TFX's cache.
    """

    preprocessor: str = option(
        flag=Flag(
            "--preprocessor",
            ENCODER,
            "the text preprocessing model that was made for the encoder",
            "HANDLE",
            "the one known to belong to it; Hugging Face: made of the encoder's own",
            at_submission=True,
        )
    )
    # `[CLS]` and `[SEP]` included.
    sequence_length: int = option(
        256,
        _SEQUENCE_LENGTH,
        bounds=Bounds(
            lambda value: 3 <= value <= 4096,
            "Give 3 to 4096 tokens, and no more than the encoder has positions",
        ),
        called="sequence-length",
    )
    # `head_tail` keeps the first quarter and the last three quarters: Sun et al. 2019, "How to
    # Fine-Tune BERT for Text Classification?", found 128 + 382 of 510 best on IMDB.
    truncation: str = option(
        "head_tail",
        Flag("--truncation", ENCODER, "which tokens of a longer text to keep"),
        bounds=one_of(TRUNCATIONS),
    )
    preprocessor_fingerprint: str = ""

    def __post_init__(self) -> None:
        check(self)


@dataclasses.dataclass(frozen=True)
class EmbeddingOptions:
    """How a review becomes one vector, for EmbeddingGen.

    Attributes:
      encoder_fingerprint: Hash of the model's files, so that other files under the same name do
        not hit TFX's cache.
    """

    encoder: str = option(flag=_ENCODER)
    # `mean` of `sequence_output` over the real tokens, that of the first token (`cls`), or the
    # encoder's `pooled_output`. `auto` is what `1_Pooling` of sentence-transformers states.
    pooling: str = option(AUTO_POOLING, _POOLING, bounds=one_of(POOLINGS))
    # Fixes the length buckets.
    sequence_length: int = option(256, _SEQUENCE_LENGTH)
    # Of one forward pass.
    batch_size: int = option(64, bounds=_AT_LEAST_ONE)
    # `auto` compiles for lengths that come often.
    xla: str = option(XLA_AUTO, _XLA, bounds=one_of(XLA_CHOICES))
    # Operands of the layers' products; with bfloat16, nothing is compiled.
    inference_precision: str = option(
        FLOAT32, _INFERENCE_PRECISION, bounds=one_of(INFERENCE_PRECISIONS)
    )
    encoder_fingerprint: str = ""

    def __post_init__(self) -> None:
        check(self)


@dataclasses.dataclass(frozen=True)
class TrainerOptions:
    """Everything in which the two Trainers may differ.

    Attributes:
      model: `frozen` trains the head on EmbeddingGen's vectors; `fine_tuned` trains the encoder
        with the head on token ids.
      encoder_fingerprint: As in `EmbeddingOptions`.
    """

    model: str
    encoder: str = option(flag=_ENCODER)
    # As in `EmbeddingOptions`.
    sequence_length: int = option(256, _SEQUENCE_LENGTH)
    pooling: str = option(AUTO_POOLING, _POOLING, bounds=one_of(POOLINGS))
    epochs: int = option(
        3,
        frozen=Flag("--frozen-epochs", TRAINING, "passes over the texts for the frozen model", "N"),
        fine_tuned=Flag(
            "--fine-tuned-epochs",
            TRAINING,
            "passes over the training texts for the fine-tuned model; unless given, as many "
            "more as a few hundred steps take",
            "N",
        ),
        bounds=_AT_LEAST_ONE,
        called="{model} epochs",
    )
    # Fewest steps, for which few texts are passed over more often than `epochs`: most failures of
    # fine-tuning on few texts are of too few steps (Mosbach et al. 2021, "On the Stability of
    # Fine-tuning BERT"; Zhang et al. 2021, "Revisiting Few-sample BERT Fine-tuning").
    least_steps: int = option(1, bounds=_AT_LEAST_ONE, called="{model} least_steps")
    # Adam's peak rate for the head.
    head_learning_rate: float = option(
        1e-3,
        frozen=Flag(
            "--frozen-learning-rate",
            TRAINING,
            "peak rate of the frozen model's head",
            "RATE",
            at_submission=True,
        ),
        bounds=_RATE,
        called="{model} head_learning_rate",
    )
    # AdamW's peak rate for the encoder; `auto` is for `tuning.rates` to choose. Unused by `frozen`.
    encoder_learning_rate: float | str = option(
        2e-5,
        fine_tuned=Flag(
            "--fine-tuned-learning-rate",
            TRAINING,
            "peak rate of the fine-tuned model's encoder; auto: by its size, and where training is "
            "long, the best of three tried on a part of train",
            "RATE",
            at_submission=True,
            convert=rate,
        ),
        bounds=_RATE_OR_AUTO,
        called="{model} encoder_learning_rate",
    )
    batch_size: int = option(
        32,
        Flag(
            "--batch-size",
            TRAINING,
            "texts in one step",
            "N",
            "32; fine-tuned, small ALBERT: 16; ALBERT: 32; any other encoder: 16",
        ),
        bounds=_AT_LEAST_ONE,
        called="{model} batch_size",
    )
    # Those before them stay as they were read, and cost no backward pass. Unused by `frozen`.
    unfreeze: int | None = option(
        None,
        fine_tuned=Flag(
            "--unfreeze",
            TRAINING,
            "fine-tune the last N layers of the encoder alone, which takes less time and memory",
            "N",
            "the whole encoder",
        ),
        bounds=at_least(1),
    )
    # The parts' gradients are computed one after the other. The step is the same but for batch
    # normalization, which sees a part at a time. Unused by `frozen`.
    gradient_accumulation: int = option(
        1,
        fine_tuned=Flag(
            "--gradient-accumulation",
            TRAINING,
            "parts in which fine-tuning computes the gradient of a step, for less memory",
            "N",
        ),
        bounds=_AT_LEAST_ONE,
        called="{model} gradient_accumulation",
    )
    # `auto` compiles on a GPU. Draws of an encoder's own dropout do not repeat once compiled.
    # Unused by `frozen`, and where several GPUs train.
    xla: str = option(XLA_AUTO, fine_tuned=_XLA, bounds=one_of(XLA_CHOICES))
    # Unused by `frozen`, where XLA trains, and on several GPUs. Weights are `float32` always.
    precision: str = option(
        PRECISION_AUTO,
        fine_tuned=Flag(
            "--precision",
            TRAINING,
            "of fine-tuning's matrix products; auto: bfloat16 where it is faster here",
        ),
        bounds=one_of(PRECISIONS),
    )
    # As in `EmbeddingOptions`: of validation, of the answers that are kept, and of the exported
    # model.
    inference_precision: str = option(
        FLOAT32, _INFERENCE_PRECISION, bounds=one_of(INFERENCE_PRECISIONS)
    )
    # Width of the head's Dense layer.
    hidden_units: int = option(64, bounds=_AT_LEAST_ONE, called="{model} hidden_units")
    # Share of the head's inputs dropped in training.
    dropout: float = option(0.1, bounds=_PART)
    # Share of a label that all classes have alike; unused by `frozen`.
    label_smoothing: float = option(0.0, bounds=_PART)
    # AdamW's decoupled weight decay for the encoder; unused by `frozen`.
    weight_decay: float = option(0.01, bounds=Bounds(lambda value: value >= 0, "Give 0 or more"))
    # Share of all steps over which the rates rise linearly from zero; then they fall to zero.
    warmup_fraction: float = option(0.1, bounds=_PART)
    # The loss of a class's texts counts by it while training.
    class_weights: str = option(NO_WEIGHTS, _CLASS_WEIGHTS, bounds=one_of(CLASS_WEIGHTS))
    # Decides which epoch is the best.
    metric: str = option(ACCURACY_METRIC, _METRIC, bounds=_METRIC_BOUNDS)
    seed: int = option(
        1,
        Flag("--seed", TRAINING, "of initialisation, order and dropout", "N"),
        bounds=Bounds(lambda value: 0 <= value < 2**32, "Give 0 to 4294967295"),
    )
    # Trainings of the recipe, by `seed` and those after it; the best on eval is the model.
    seeds: int = option(
        1,
        Flag(
            "--seeds",
            TRAINING,
            "train each model so many times, and count the chance of training in the comparison; "
            "3 or more say how far a gain can be relied on",
            "N",
        ),
        bounds=Bounds(lambda value: 1 <= value <= 100, "Give 1 to 100"),
    )
    encoder_fingerprint: str = ""

    def __post_init__(self) -> None:
        check(self)
        if self.batch_size % self.gradient_accumulation:
            raise InputError(
                f"gradient-accumulation cannot be {self.gradient_accumulation}",
                f"Give a divisor of the batch size, {self.batch_size}",
            )


@dataclasses.dataclass(frozen=True)
class AnswerOptions:
    """What the exported models make of probabilities; see `albert_tfx.calibration`."""

    calibration: str = option(
        CALIBRATION_AUTO,
        Flag(
            "--calibration",
            ANSWERED,
            "auto: divide log-probabilities by a temperature that is fitted on eval, where that "
            "lowers the log loss; the most probable class stays, but with --threshold or "
            "--abstain-below the label may be another",
        ),
        bounds=one_of(CALIBRATIONS),
    )
    threshold: float = option(
        ARGMAX_THRESHOLD,
        Flag(
            "--threshold",
            ANSWERED,
            "of two classes, the probability of the second from which on it is the label",
            "SHARE",
            at_submission=True,
        ),
        bounds=Bounds(lambda value: 0 < value < 1, "Give more than 0, below 1"),
    )
    abstain_below: float = option(
        0.0,
        Flag(
            "--abstain-below",
            ANSWERED,
            "the label is --abstain-label where its probability is below this",
            "SCORE",
            "0, which never abstains",
            at_submission=True,
        ),
        bounds=_PART,
        called="abstain-below",
    )
    abstain_label: str = option(
        "unsure",
        Flag(
            "--abstain-label",
            ANSWERED,
            "the label of a text that no class is said of",
            "NAME",
            at_submission=True,
        ),
        bounds=Bounds(
            lambda value: bool(visible(value)) and _in_one_line(value) == value,
            "Give a name that is seen, without control characters",
        ),
        called="abstain-label",
    )

    def __post_init__(self) -> None:
        check(self)

    def require_fit(self, class_names: Sequence[str]) -> None:
        """Refuses what cannot be answered with these classes.

        Raises:
          InputError: There is a threshold, and not two classes; or a class has the name that no
            class is said by.
        """
        if self.threshold != ARGMAX_THRESHOLD and len(class_names) != 2:
            raise InputError(
                f"--threshold is for two classes, and these texts have {len(class_names)}",
                "Leave it out; --abstain-below is for any number of classes",
            )
        if self.abstain_below and visible(self.abstain_label) in map(visible, class_names):
            raise InputError(
                f"--abstain-label {self.abstain_label!r} is the name of a class of these texts, "
                "as a reader sees it",
                "Give another name with --abstain-label NAME",
            )


@dataclasses.dataclass(frozen=True)
class YardstickOptions:
    """How the yardstick is trained, for Yardstick."""

    class_weights: str = option(NO_WEIGHTS, _CLASS_WEIGHTS, bounds=one_of(CLASS_WEIGHTS))

    def __post_init__(self) -> None:
        check(self)


@dataclasses.dataclass(frozen=True)
class SelectionPolicy:
    """When which model wins, for ModelSelector."""

    # `evaluation.metrics.deciding` has each by its name.
    metric: str = option(ACCURACY_METRIC, _METRIC, bounds=_METRIC_BOUNDS)
    candidates: str = option(
        ALBERT_CANDIDATES,
        Flag(
            "--candidates",
            SERVED,
            "which models may win: albert: the frozen and the fine-tuned one; all: TF-IDF with "
            "logistic regression, too",
        ),
        bounds=one_of(CANDIDATES),
    )
    min_gain: float = _share(
        0.0,
        "--min-gain",
        "the fine-tuned model wins if the lower end of its gain is above this",
    )
    # A slice's loss counts where even the upper end of the difference's interval exceeds this. The
    # default lets fine-tuning trade a little of one class or length for more of another, as any
    # two models do.
    max_slice_loss: float = _share(
        0.05,
        "--max-slice-loss",
        "the frozen model wins if the whole interval of a loss on a length or class is above this",
    )
    # The interval alone protects against chance: of few reviews it is wide.
    min_slice_examples: int = option(
        1,
        Flag(
            "--min-slice-examples",
            SERVED,
            "a length or class of fewer eval texts cannot make the frozen model win; the more, "
            "the less rare classes are protected",
            "N",
        ),
        bounds=_AT_LEAST_ONE,
    )
    min_accuracy: float = _share(
        0.0, "--min-accuracy", "nothing is pushed below this accuracy on the eval texts"
    )
    min_auc: float = _share(
        0.0,
        "--min-auc",
        "nothing is pushed below this area under the ROC curve on the eval texts",
    )
    worst_metric: float | None = option(
        None,
        Flag(
            "--worst-metric",
            SERVED,
            "nothing is pushed whose metric on the eval texts is worse than this",
            "VALUE",
            "none",
        ),
    )
    min_gain_over_majority: float = option(0.0, _MIN_GAIN_OVER_MAJORITY, bounds=_SHARE)
    min_gain_over_yardstick: float | None = _share(
        None,
        "--min-gain-over-yardstick",
        "nothing is pushed unless the lower end of the winner's gain over TF-IDF in the metric is "
        "above this",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclasses.dataclass(frozen=True)
class ReportOptions:
    """What the report tells besides what was found, for ComparisonReport."""

    price_per_hour: float | None = option(
        None,
        Flag(
            "--price-per-hour",
            TRAINING,
            "what an hour of the machine costs, for the report to say what a training does",
            "PRICE",
            "none",
        ),
        bounds=Bounds(lambda value: value > 0, "Give more than 0"),
    )
    # Of what is shown alone: a label's index stays what it is.
    class_order: str | None = optional(
        "--class-order",
        SERVED,
        "classes in the order in which tables and figures are to show them, with commas between "
        "them; those not named follow",
        "A,B,C",
        "numbers by value, others as in the data set",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclasses.dataclass(frozen=True)
class ProductionPolicy:
    """When a winner may replace the model in production, for ProductionGate."""

    # As in `SelectionPolicy`.
    metric: str = option(ACCURACY_METRIC, _METRIC, bounds=_METRIC_BOUNDS)
    max_production_loss: float = _share(
        0.0,
        "--max-production-loss",
        "the model in production stays if the new one loses more of its metric on test",
    )
    # As in `SelectionPolicy`, on the test split, for a model that replaces none.
    min_gain_over_majority: float = option(0.0, _MIN_GAIN_OVER_MAJORITY, bounds=_SHARE)

    def __post_init__(self) -> None:
        check(self)


# All that the command line sets, in the order of `--help`.
COMPONENT_OPTIONS = (
    DatasetOptions,
    DuplicateOptions,
    TrainerOptions,
    EmbeddingOptions,
    PreprocessingOptions,
    AnswerOptions,
    YardstickOptions,
    SelectionPolicy,
    ProductionPolicy,
    ReportOptions,
)
