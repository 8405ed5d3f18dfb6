"""Measures the choices behind the small ALBERT's recipe, one at a time, on eval reviews.

    python benchmarks/recipes.py            # the sample reviews; half an hour on two cores
    python benchmarks/recipes.py --quick    # 300 reviews: shows that it works, decides nothing
    python benchmarks/recipes.py --choices pooling -- --dataset imdb_reviews --max-examples 4000

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

QUICK = ["--max-examples=300"]
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
                accuracy = summary.models[model].metrics.accuracy.value
                figures.append(Figure(f"{model}, --{option} {value}", accuracy, "accuracy, eval"))
    return figures


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [option for option, _, _ in CHOICES]
    parser.add_argument("--choices", nargs="+", choices=names, default=names, help="(default: all)")
    parser.add_argument("--quick", action="store_true", help="300 reviews of each split")
    parser.add_argument("options", nargs="*", help="options of local_runner.py, after --")
    add_results_option(parser)
    arguments = parser.parse_args()
    shared = arguments.options + (QUICK if arguments.quick else [])
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), shared, arguments.choices)
    chosen = [] if arguments.choices == names else ["--choices", *arguments.choices]
    given = ["--", *shared] if shared else []
    command = shlex.join(["python", "benchmarks/recipes.py", *chosen, *given])
    publish(figures, command, arguments.results)


if __name__ == "__main__":
    main()
