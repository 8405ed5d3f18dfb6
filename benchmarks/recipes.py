"""Measures the choices behind the small ALBERT's recipe, one at a time, on IMDB's eval reviews.

    python benchmarks/recipes.py            # 2,000 reviews; most of an hour on two cores
    python benchmarks/recipes.py --quick    # 300 reviews: shows that it works, decides nothing
    python benchmarks/recipes.py --dataset sample_reviews

Every run shares one output folder, so that only what a choice changes runs again. The test split
has no part in it: its reviews must not choose what they are to judge.
"""

import argparse
import tempfile
from pathlib import Path

from figures import Figure, add_results_option, publish
from measured_run import run

# The option, the model that it concerns, and the values to try.
CHOICES = [
    ("--pooling", "frozen", ["mean", "pooled_output"]),
    ("--frozen-learning-rate", "frozen", ["0.0005", "0.002", "0.008"]),
    ("--truncation", "frozen", ["head", "tail", "head_tail"]),
    ("--fine-tuned-learning-rate", "fine_tuned", ["0.0002", "0.0005", "0.001"]),
    ("--fine-tuned-epochs", "fine_tuned", ["1", "2", "3"]),
]


def measure(folder: Path, shared: list[str]) -> list[Figure]:
    """Returns the eval accuracy of each value of each choice, all else at its default."""
    figures = []
    for option, model, values in CHOICES:
        for value in values:
            summary = run(folder, [*shared, f"{option}={value}"]).summary
            accuracy = summary["models"][model]["accuracy"]
            figures.append(Figure(f"{model}, {option} {value}", accuracy, "accuracy, eval"))
    return figures


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="imdb_reviews", help="(default: %(default)s)")
    parser.add_argument(
        "--max-examples",
        type=int,
        default=2000,
        help="reviews of each split (default: %(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help="300 reviews of each split")
    add_results_option(parser)
    arguments = parser.parse_args()
    count = 300 if arguments.quick else arguments.max_examples
    shared = [f"--dataset={arguments.dataset}", f"--max-examples={count}"]
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), shared)
    publish(figures, f"python benchmarks/recipes.py {' '.join(shared)}", arguments.results)


if __name__ == "__main__":
    main()
