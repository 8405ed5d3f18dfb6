"""Measures what TFX's Evaluator takes, over the bare forward passes of the models that it compares.

    python benchmarks/evaluator.py            # 25,000 reviews; most of an hour on two cores
    python benchmarks/evaluator.py --quick    # 300 sample reviews: shows that it works

The run that trains the two models is kept short: how good they are does not matter here. Of the
Evaluator everything counts, from the loading of the models to the writing of the metrics; of the
forward passes nothing but the passes, over the same reviews in the same batches.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, add_results_option, publish
from measured_run import run

REVIEWS = 25_000
QUICK_REVIEWS = 300
TRAINERS = ("Trainer.frozen", "Trainer.fine_tuned")


def options_of_run(dataset: str, reviews: int) -> list[str]:
    """Returns options of `local_runner.py` for a run that compares on so many reviews."""
    return [
        f"--dataset={dataset}",
        "--train-split=train[:320]",
        f"--eval-split=test[:{reviews}]",
        "--test-split=train[320:420]",
        "--sequence-length=128",
        "--frozen-epochs=1",
        "--fine-tuned-epochs=1",
    ]


def forward_seconds(pipeline: Path) -> float:
    """Returns the seconds that both models' forward passes take over the eval reviews.

    Args:
      pipeline: Folder with the artifacts of a finished run.
    """
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the ops of the models

    batches = list(_batches(pipeline))
    seconds = 0.0
    for trainer in TRAINERS:
        (folder,) = pipeline.glob(f"{trainer}/model/*/Format-Serving")
        model = tf.saved_model.load(str(folder)).signatures["serving_default"]
        started = time.monotonic()
        for batch in batches:
            model(tf.constant(batch))
        seconds += time.monotonic() - started
    return seconds


def _batches(pipeline: Path) -> Iterator[list[bytes]]:
    """Yields the eval reviews as the Evaluator hands them to the models."""
    import pyarrow as pa
    import tensorflow as tf
    from tensorflow_model_analysis.constants import ARROW_INPUT_COLUMN

    from albert_tfx.evaluation.extractors import WINDOW, batches_of_like_length

    files = [str(file) for file in pipeline.glob("DuplicateFinder/examples/*/Split-eval/*")]
    for window in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(WINDOW):
        rows = pa.table({ARROW_INPUT_COLUMN: [[example] for example in window.numpy()]})
        for batch in batches_of_like_length(rows):
            yield [example for (example,) in batch.column(0).to_pylist()]


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="imdb_reviews", help="(default: %(default)s)")
    parser.add_argument(
        "--reviews", type=int, default=REVIEWS, help="reviews to compare on (default: %(default)s)"
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_REVIEWS} of the sample reviews"
    )
    add_results_option(parser)
    arguments = parser.parse_args()
    dataset = "sample_reviews" if arguments.quick else arguments.dataset
    reviews = QUICK_REVIEWS if arguments.quick else arguments.reviews
    with tempfile.TemporaryDirectory() as folder:
        measured = run(Path(folder), options_of_run(dataset, reviews))
        evaluator = measured.component_seconds["Evaluator.comparison"]
        forward = forward_seconds(Path(folder) / "pipeline")
    figures = [
        Figure(f"Evaluator, {reviews:,} reviews", evaluator, "s"),
        Figure("bare forward passes of both models", forward, "s"),
        Figure("Evaluator over bare forward passes", evaluator / forward, "", "< 2.0"),
    ]
    command = f"python benchmarks/evaluator.py --dataset {dataset} --reviews {reviews}"
    publish(figures, command, arguments.results)


if __name__ == "__main__":
    main()
