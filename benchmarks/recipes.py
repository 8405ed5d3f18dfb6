"""Measures the choices behind the small ALBERT's recipe, one at a time, on eval reviews.

    python benchmarks/recipes.py            # the sample reviews; most of an hour on two cores
    python benchmarks/recipes.py --quick    # 300 reviews: shows that it works, decides nothing
    python benchmarks/recipes.py --dataset imdb_reviews --max-examples 6000 --sequence-length 128

Every run shares one output folder, so that only what a choice changes runs again. The test split
has no part in it: its reviews must not choose what they are to judge.
"""

import argparse
import shlex
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from figures import Figure, add_results_option, publish
from measured_run import run

MODELS = ("frozen", "fine_tuned")
# The option of local_runner.py, the models that it concerns, and the values to try.
CHOICES = [
    ("pooling", MODELS, ["mean", "pooled_output"]),
    ("truncation", MODELS, ["head", "tail", "head_tail"]),
    ("frozen-learning-rate", ("frozen",), ["0.0005", "0.002", "0.008"]),
    ("fine-tuned-learning-rate", ("fine_tuned",), ["0.0001", "0.0003", "0.001", "0.002"]),
    ("batch-size", ("fine_tuned",), ["16", "32"]),
    ("fine-tuned-epochs", ("fine_tuned",), ["1", "2", "3"]),
]


def measure(folder: Path, shared: Sequence[str], choices: Collection[str]) -> list[Figure]:
    """Returns the eval accuracy of each value of each of `choices`, all else at its default."""
    figures = []
    for option, models, values in CHOICES:
        if option not in choices:
            continue
        for value in values:
            summary = run(folder, [*shared, f"--{option}={value}"]).summary
            for model in models:
                accuracy = summary["models"][model]["accuracy"]
                figures.append(Figure(f"{model}, --{option} {value}", accuracy, "accuracy, eval"))
    return figures


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="sample_reviews", help="(default: %(default)s)")
    parser.add_argument(
        "--max-examples",
        type=int,
        default=4000,
        help="reviews of each split (default: %(default)s)",
    )
    parser.add_argument(
        "--sequence-length", type=int, metavar="N", help="tokens of a review (default: the run's)"
    )
    options = [option for option, _, _ in CHOICES]
    parser.add_argument(
        "--choices", nargs="+", choices=options, default=options, help="(default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="300 reviews of each split")
    add_results_option(parser)
    arguments = parser.parse_args()
    count = 300 if arguments.quick else arguments.max_examples
    shared = [f"--dataset={arguments.dataset}", f"--max-examples={count}"]
    if arguments.sequence_length:
        shared.append(f"--sequence-length={arguments.sequence_length}")
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), shared, arguments.choices)
    command = ["python", "benchmarks/recipes.py", *shared, "--choices", *arguments.choices]
    publish(figures, shlex.join(command), arguments.results)


if __name__ == "__main__":
    main()
