r"""Measures the choices behind the training of any encoder, one at a time, on eval texts.

    python benchmarks/training_choices.py            # 400 and 3,600 sample reviews
    python benchmarks/training_choices.py --quick    # 48 of them: shows that it works
    python benchmarks/training_choices.py --dataset imdb_reviews --encoder FOLDER \
        --preprocessor FOLDER --sequence-length 256 --sizes 400 2500

The texts are tokenized and embedded once. Then the head is trained on the vectors, and the encoder
on the token ids, as the Trainers do it but for the one choice. The defaults are those of an encoder
that no recipe is known for; the head's bar is logistic regression on the same vectors. What the
Trainers do not offer is done here by a callback: rates that fall with a layer's depth (Howard and
Ruder 2018), and averaged weights (Polyak and Juditsky 1992).
"""

import argparse
import dataclasses
import os
import shlex
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import encoder_shapes
from figures import Figure, add_results_option, publish

QUICK_TEXTS, QUICK_STEPS, QUICK_LENGTH = 48, 3, 16
EVAL_TEXTS = 1250


@dataclasses.dataclass(frozen=True)
class Choice:
    """One way to train that differs from the defaults in one thing.

    Attributes:
      name: What differs.
      options: Fields of `TrainerOptions` that differ.
      layer_decay: What each layer's rate is of that of the layer above it.
      averaging: Momentum of the average of weights that is measured in their place.
    """

    name: str
    options: dict[str, float] = dataclasses.field(default_factory=dict)
    layer_decay: float = 1.0
    averaging: float = 0.0

    def is_among(self, wanted: Sequence[str]) -> bool:
        """Returns whether to measure it, where these names are wanted; none for all.

        All but last layers alone, which an encoder of shared layers has not.
        """
        return self.name in wanted if wanted else "unfreeze" not in self.options


FINE_TUNED = (
    Choice("defaults"),
    Choice("two epochs, however few the steps", {"least_steps": 1}),
    Choice("800 steps at least", {"least_steps": 800}),
    Choice("rate 3e-05", {"encoder_learning_rate": 3e-5}),
    Choice("rate 0.0003", {"encoder_learning_rate": 3e-4}),
    Choice("no weight decay", {"weight_decay": 0.0}),
    Choice("weight decay 0.1", {"weight_decay": 0.1}),
    Choice("labels not smoothed", {"label_smoothing": 0.0}),
    Choice("rates decay by 0.85 a layer", layer_decay=0.85),
    Choice("weights averaged, momentum 0.99", averaging=0.99),
    Choice("last three layers alone", {"unfreeze": 3}),
    Choice("last layer alone", {"unfreeze": 1}),
)
FROZEN = (
    Choice("defaults"),
    Choice("dropout 0.1", {"dropout": 0.1}),
    Choice("dropout 0.7", {"dropout": 0.7}),
    Choice("rate 0.0005", {"head_learning_rate": 5e-4}),
)

QUICK_CHOICES = [each.name for each in FINE_TUNED if not each.options]


def main() -> None:
    """Runs, prints, records."""
    arguments = _parser().parse_args()
    sizes = [QUICK_TEXTS] if arguments.quick else arguments.sizes
    wanted = QUICK_CHOICES if arguments.quick else arguments.choices
    length = QUICK_LENGTH if arguments.quick else arguments.sequence_length
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        from trained_choices import PreparedTexts

        for size in sizes:
            texts = PreparedTexts(
                str(arguments.encoder),
                arguments.preprocessor,
                arguments.dataset,
                size,
                min(size, EVAL_TEXTS),
                length,
                Path(folder, str(size)),
                most_steps=QUICK_STEPS if arguments.quick else None,
            )
            label = f"{arguments.dataset} {size:,}"
            figures += _measured(f"{label}, frozen", FROZEN, wanted, texts.train_head)
            figures += _logistic_regression(label, texts.logistic_regression())
            figures += _measured(f"{label}, fine_tuned", FINE_TUNED, wanted, texts.fine_tune)
    publish(figures, _command(arguments), arguments.results)


def _measured(
    label: str,
    choices: Sequence[Choice],
    wanted: Sequence[str],
    train: Callable[[Choice], dict[str, float]],
) -> list[Figure]:
    """Returns accuracy and log loss on the eval texts of each choice."""
    figures = []
    for choice in choices:
        if not choice.is_among(wanted):
            continue
        found = train(choice)
        print(f"{label}, {choice.name}: {found}", flush=True)
        figures += [
            Figure(f"{label}, {choice.name}", found["accuracy"], "accuracy, eval"),
            Figure(f"{label}, {choice.name}, log loss", found["loss"], "nats"),
        ]
    return figures


def _logistic_regression(label: str, found: tuple[float, float]) -> list[Figure]:
    accuracy, log_loss = found
    name = f"{label}, logistic regression on the vectors"
    return [Figure(name, accuracy, "accuracy, eval"), Figure(f"{name}, log loss", log_loss, "nats")]


def _command(arguments: argparse.Namespace) -> str:
    command = ["python", "benchmarks/training_choices.py"]
    command += encoder_shapes.command_option(arguments.encoder)
    if arguments.quick:
        return shlex.join([*command, "--quick"])
    sizes = [str(size) for size in arguments.sizes]
    command += [f"--dataset={arguments.dataset}", f"--sequence-length={arguments.sequence_length}"]
    choices = ["--choices", *arguments.choices] if arguments.choices else []
    return shlex.join([*command, "--sizes", *sizes, *choices])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    encoder_shapes.add_encoder_options(parser)
    parser.add_argument(
        "--dataset",
        default="sample_reviews",
        metavar="NAME",
        help="TFDS data set or folder of one (default: %(default)s)",
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[400, 3600], metavar="N", help="texts to train on"
    )
    parser.add_argument("--sequence-length", type=int, default=96, metavar="N")
    names = sorted({choice.name for choice in (*FROZEN, *FINE_TUNED)})
    parser.add_argument(
        "--choices", nargs="+", choices=names, default=[], help="(default: all but last layers)"
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TEXTS} texts, few steps")
    add_results_option(parser)
    return parser


if __name__ == "__main__":
    main()
