"""The options that the runners share: what they are called, mean and default to."""

import argparse
import difflib
import operator
import re
from collections.abc import Callable
from typing import Any, NoReturn

from albert_tfx.errors import InputError
from albert_tfx.options import (
    POOLINGS,
    PRECISIONS,
    TRUNCATIONS,
    XLA_CHOICES,
    PreprocessingOptions,
    ProductionPolicy,
    SelectionPolicy,
    TrainerOptions,
)
from pipelines.config import BASE_RECIPE, MINI_RECIPE, PRESETS, SAMPLE_RECIPE


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `InputError`, and guesses what a misspelt option meant."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_HelpFormatter, **options)

    def parse_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def, override]
        """Parses `args`; see the base class.

        Raises:
          InputError: An option is unknown, or its value is not of its type.
        """
        arguments, unknown = self.parse_known_args(args, namespace)
        if unknown:
            raise InputError(f"there is no option {unknown[0]!r}", self._guess(unknown[0]))
        return arguments

    def error(self, message: str) -> NoReturn:
        """Raises `message` as an `InputError`."""
        raise InputError(message, f"{self.prog} --help explains every option")

    def _guess(self, given: str) -> str:
        known = sorted(set(re.findall(r"--[a-z][a-z-]+", self.format_help())))
        close = difflib.get_close_matches(given.partition("=")[0], known, n=1)
        return f"Did you mean {close[0]}" if close else f"{self.prog} --help lists every option"


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=100)


def add_options(parser: argparse.ArgumentParser, local: bool = True) -> None:
    """Adds the options that `pipelines.config.build_config` reads.

    Args:
      parser: What to add them to.
      local: Whether the run is on this machine; if not, those that name its files are left out.
    """
    _add_run(parser, local)
    _add_reviews(parser)
    if local:
        _add_file(parser)
        _add_scoring(parser)
    else:
        parser.set_defaults(csv=None, text_column=None, label_column=None, score=None)
    _add_encoder(parser)
    _add_training(parser)
    _add_selection(parser)


def _add_run(parser: argparse.ArgumentParser, local: bool) -> None:
    add = group(parser, "the run")
    purposes = "; ".join(f"{name}: {preset.purpose}" for name, preset in PRESETS.items())
    add("--preset", purposes, "sample", choices=tuple(PRESETS), default="sample", metavar="NAME")
    output = "output"
    if local:
        add("--output", "folder that receives everything", output, metavar="DIR", default=output)
    else:
        parser.set_defaults(output=output)
    add(
        "--beam-arg",
        "passed on to Beam, as --beam-arg=--FLAG=VALUE; may be repeated",
        "one process",
        action="append",
        default=[],
        metavar="FLAG",
    )


def _add_reviews(parser: argparse.ArgumentParser) -> None:
    add = group(parser, "the reviews")
    add(
        "--dataset",
        "TFDS text classification data set, or the folder of a prepared one",
        _of_presets(operator.attrgetter("dataset.name")),
        metavar="NAME",
    )
    add("--data-dir", "where TFDS keeps its data sets", "TFDS's own", metavar="DIR")
    declared = "what the data set declares"
    add("--text-feature", "the feature that holds the text", declared, metavar="NAME")
    add("--label-feature", "the feature that holds the class", declared, metavar="NAME")
    for split, use in (
        ("train", "reviews to train on"),
        ("eval", "reviews that choose the winner"),
        ("test", "reviews that are only reported"),
    ):
        read = operator.attrgetter(f"dataset.{split}_split")
        add(f"--{split}-split", use, _of_presets(read), metavar="SPLIT")
    add("--max-examples", "most reviews of each split", "all", type=int, metavar="N")
    add(
        "--keep-duplicates",
        "only count the reviews that repeat others, and train and evaluate on them too",
        "they are taken out of train and eval",
        action="store_true",
    )


def _add_file(parser: argparse.ArgumentParser) -> None:
    add = group(parser, "your own file, in place of a data set")
    add("--csv", "CSV, TSV or JSONL file with one review a row", "none", metavar="PATH")
    text = "text, review or the like"
    add("--text-column", "the column that holds the text", text, metavar="NAME")
    label = "label, sentiment or the like"
    add("--label-column", "the column that holds the class", label, metavar="NAME")


def _add_scoring(parser: argparse.ArgumentParser) -> None:
    add = group(parser, "texts of no known class")
    add(
        "--score",
        "a split, or a CSV, TSV, JSONL or text file, whose texts the selected model classifies, "
        "into predictions/ in the output folder",
        "none",
        metavar="SPLIT_OR_FILE",
    )


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    add = group(parser, "the encoder, and what it sees of a review")
    add(
        "--encoder",
        "TF Hub or Kaggle handle, or folder, of a text encoder",
        "the small ALBERT in assets; imdb: ALBERT-base from TF Hub",
        metavar="HANDLE",
    )
    add(
        "--preprocessor",
        "the text preprocessing model that was made for the encoder",
        "the one known to belong to it",
        metavar="HANDLE",
    )
    length = _of_presets(operator.attrgetter("sequence_length"))
    add("--sequence-length", "most tokens of a review", length, type=int, metavar="N")
    kept = PreprocessingOptions("").truncation
    add("--truncation", "which tokens of a longer review to keep", kept, choices=TRUNCATIONS)
    pooling = _TRAINER.pooling
    add("--pooling", "how a review's token vectors become one", pooling, choices=POOLINGS)


def _add_training(parser: argparse.ArgumentParser) -> None:
    add = group(parser, "training")
    for model in ("frozen", "fine_tuned"):
        option = f"--{model.replace('_', '-')}-epochs"
        use = f"most passes over the training reviews for {model}"
        add(option, use, _of_recipes(model, "epochs"), type=int, metavar="N")
    add(
        "--frozen-learning-rate",
        "peak rate of the frozen model's head",
        _of_recipes("frozen", "head_learning_rate"),
        type=float,
        metavar="RATE",
    )
    add(
        "--fine-tuned-learning-rate",
        "peak rate of the fine-tuned model's encoder",
        _of_recipes("fine_tuned", "encoder_learning_rate"),
        type=float,
        metavar="RATE",
    )
    add(
        "--batch-size",
        "reviews in one step",
        f"{_TRAINER.batch_size}; small ALBERT, fine_tuned: {MINI_RECIPE.fine_tuned['batch_size']}",
        type=int,
        metavar="N",
    )
    add(
        "--gradient-accumulation",
        "parts in which fine_tuned computes the gradient of a step, for less memory",
        str(_TRAINER.gradient_accumulation),
        type=int,
        metavar="N",
    )
    add(
        "--xla",
        "compile the encoder; auto: what runs it often, and on a GPU its training",
        _TRAINER.xla,
        choices=XLA_CHOICES,
    )
    add(
        "--precision",
        "of fine-tuning's matrix products; auto: bfloat16 where this processor gains by it",
        _TRAINER.precision,
        choices=PRECISIONS,
    )
    add("--seed", "of initialisation, order and dropout", str(_TRAINER.seed), type=int, metavar="N")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    add = group(parser, "which model is served")
    for option, use, default in (
        (
            "--min-gain",
            "fine_tuned wins if the lower end of its gain in accuracy is above this",
            SelectionPolicy().min_gain,
        ),
        (
            "--max-slice-loss",
            "frozen wins if fine_tuned surely loses more accuracy than this on a length or class",
            SelectionPolicy().max_slice_loss,
        ),
        (
            "--min-accuracy",
            "nothing is pushed below this accuracy on the eval reviews",
            SelectionPolicy().min_accuracy,
        ),
        (
            "--max-production-loss",
            "the model in production stays if the new one loses more of its accuracy on test",
            ProductionPolicy().max_production_loss,
        ),
    ):
        add(option, use, f"{default:g}", type=float, metavar="SHARE")


_TRAINER = TrainerOptions(model="", encoder="")


def group(parser: argparse.ArgumentParser, title: str) -> Callable[..., None]:
    """Returns a function that adds an option: its name, its use, its default in words, its kind."""
    options = parser.add_argument_group(title)

    def add(option: str, use: str, default_text: str, **kind: Any) -> None:
        text = f"{use} (default: {default_text})".replace("%", "%%")
        options.add_argument(option, help=text, **kind)

    return add


def _of_presets(read: Callable[[Any], Any]) -> str:
    return _default_text({name: read(preset) for name, preset in PRESETS.items()})


def _of_recipes(model: str, option: str) -> str:
    recipes = {
        "small ALBERT on sample reviews": SAMPLE_RECIPE,
        "on others": MINI_RECIPE,
        "any other encoder": BASE_RECIPE,
    }
    return _default_text({name: getattr(r, model)[option] for name, r in recipes.items()})


def _default_text(values: dict[str, Any]) -> str:
    first, *others = values.values()
    if all(other == first for other in others):
        return str(first)
    return "; ".join(f"{name}: {value}" for name, value in values.items())
